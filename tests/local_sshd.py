"""An ssh server on this machine for the time of a test, with keys and settings that are thrown away."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_START_SECONDS = 10.0


def need_sshd() -> None:
    """Skip where there is no ssh, no server for it, or no place for one."""
    missing = [name for name in ("ssh", "ssh-keygen") if shutil.which(name) is None]
    missing += [] if SSHD else ["sshd"]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        pytest.skip("sshd needs the folder /run/sshd when root starts it")


class LocalSshd:
    """Listens on 127.0.0.1 and lets in only the key it made."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._port = _free_port()
        for name in ("host_key", "user_key"):
            make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(make, check=True, timeout=30)
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        (folder / "sshd_config").write_text(self._settings())
        assert SSHD is not None
        command = [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")]
        self._log = (folder / "log").open("wb")
        self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self._log)
        self._wait()

    def client(self, command: Sequence[str], **environment: str) -> list[str]:
        """The command line that runs a command on the other end, in a terminal."""
        options = {
            "BatchMode": "yes",
            "HostKeyAlias": "localhost",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": str(self._folder / "known_hosts"),
        }
        spelled = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        key, address = str(self._folder / "user_key"), f"{getpass.getuser()}@127.0.0.1"
        variables = [f"{name}={value}" for name, value in environment.items()]
        there = shlex.join(["env", *variables, *command])
        return ["ssh", "-tt", "-F", "none", *spelled, "-i", key, "-p", str(self._port), address, there]

    def close(self) -> None:
        """Stop listening; connections that are open end by themselves."""
        self._server.terminate()
        self._server.wait(10)
        self._log.close()

    def _settings(self) -> str:
        lines = {
            "ListenAddress": "127.0.0.1",
            "Port": str(self._port),
            "HostKey": str(self._folder / "host_key"),
            "AuthorizedKeysFile": str(self._folder / "authorized_keys"),
            "AllowUsers": getpass.getuser(),
            "PermitRootLogin": "prohibit-password",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "StrictModes": "no",
            "UsePAM": "no",
            "PidFile": "none",
            "PrintMotd": "no",
            "PrintLastLog": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def _wait(self) -> None:
        deadline = monotonic() + _START_SECONDS
        while monotonic() < deadline and self._server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            sleep(0.05)
        self._server.kill()
        pytest.skip(f"sshd did not start: {(self._folder / 'log').read_text(errors='replace').strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
