"""Completion in the shells themselves: bash and zsh at a terminal, fish as it is asked by scripts."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dgchat.completion import SHELLS, script_for

ENTER, TAB, CLEAR = b"\r", b"\t", b"\x15"
ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|[=>]|\][^\x07]*\x07)|[\x07\x0f]")
BEGIN = {
    "bash": (["--norc", "--noprofile", "-i"], "source <(dgchat completion bash)"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit; compinit -u -D; source <(dgchat completion zsh)"),
}


class Shell:
    """A shell on a pseudo-terminal, with what it has written since it was last asked."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        import pty

        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        self._written = b""

    def type(self, keys: bytes) -> None:
        self._written = b""
        os.write(self._ours, keys)

    def until(self, wanted: str) -> str:
        """What it writes until `wanted` is in it, escapes aside; fails after a generous time."""
        while wanted not in self.shown:
            assert select.select([self._ours], [], [], 30)[0], f"waited in vain, with {self.shown!r}"
            self._written += os.read(self._ours, 65536)
        return self.shown

    @property
    def shown(self) -> str:
        return ESCAPES.sub(b"", self._written).decode(errors="replace")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One in which `dgchat` is the one under test."""
    program = tmp_path / "bin" / "dgchat"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dgchat "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {
        "PATH": path,
        "TERM": "xterm",
        "PS1": "$ ",
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def open_shell(environment: dict[str, str]) -> Iterator[Callable[[str], Shell]]:
    """Start a shell that can complete dgchat; skips where it is not installed."""
    opened: list[Shell] = []

    def start(name: str) -> Shell:
        if shutil.which(name) is None:
            pytest.skip(f"there is no {name} here")
        flags, learn = BEGIN[name]
        shell = Shell([name, *flags], environment)
        opened.append(shell)
        shell.type(f"{learn}; echo rea''dy".encode() + ENTER)
        shell.until("ready")
        return shell

    yield start
    for shell in opened:
        shell.close()


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_tab_completes_commands_flags_and_values_in_a_real_shell(
    open_shell: Callable[[str], Shell], name: str
) -> None:
    shell = open_shell(name)
    for typed, completed in (
        ("dgchat doc", "doctor"),
        ("dgchat models qua", "quantize"),
        ("dgchat models pull --rev", "--revision"),
        ("dgchat --refine-w", "--refine-with"),
        ("dgchat --motion ca", "calm"),
        ("dgchat config sh", "show"),
        ("dgchat completion fi", "fish"),
    ):
        shell.type(typed.encode() + TAB)
        shell.until(completed)
        shell.type(CLEAR)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("dgchat --motion ", {"full", "calm", "off"}),
        ("dgchat config ", {"path", "show", "edit"}),
        ("dgchat --theme e", {"ember"}),
        ("dgchat --model nv", {"nvidia/diffusiongemma-26B-A4B-it-NVFP4"}),
    ],
)
def test_fish_is_offered_the_same(environment: dict[str, str], typed: str, offered: set[str]) -> None:
    if shutil.which("fish") is None:
        pytest.skip("there is no fish here")
    script = f"dgchat completion fish | source; complete -C '{typed}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert {line.partition("\t")[0] for line in done.stdout.splitlines()} == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed_for_every_shell(shell: str) -> None:
    assert "_DGCHAT_COMPLETE" in script_for(shell)


def test_completing_loads_nothing_heavy(environment: dict[str, str]) -> None:
    code = "import sys\nfrom dgchat.cli import run\ntry: run()\nexcept SystemExit: print(*sys.modules)"
    asked = environment | {
        "_DGCHAT_COMPLETE": "complete_bash",
        "COMP_WORDS": "dgchat --theme e",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, timeout=60, check=True
    )
    first, *modules = done.stdout.split()
    assert first == "ember"
    assert not {"torch", "textual", "huggingface_hub", "httpx2", "numpy"} & set(modules)
