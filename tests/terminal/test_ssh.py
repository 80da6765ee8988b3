"""A chat at the other end of an ssh connection, in and out of tmux there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from dgchat_process import scripted_command
from local_sshd import LocalSshd, need_sshd
from scripted_engine import ANSWER
from tmux_terminal import Tmux, need_tmux

FIXED = ("--seed", "7", "--pace", "live")
GONE_SECONDS = 2.0


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[LocalSshd]:
    need_sshd()
    need_tmux()
    server = LocalSshd(tmp_path / "ssh")
    yield server
    server.close()


class Remote:
    """A chat whose terminal is a pane of tmux here, and whose process runs behind ssh, in tmux or not."""

    def __init__(self, sshd: LocalSshd, terminal: Tmux, folder: Path, environment: dict[str, str]) -> None:
        self._sshd, self.terminal, self._environment = sshd, terminal, environment
        self._pid_file = folder / "pid"
        self._inner = Tmux(folder / "inner")

    def start(self, *, in_tmux: bool, **script: object) -> None:
        """Connect, and start the chat."""
        self.terminal.start(self._chat(in_tmux, (), script))
        self.terminal.until_shown("ready in")

    def start_again(self, *flags: str, in_tmux: bool, **script: object) -> None:
        """Connect once more, and start another chat."""
        self.terminal.start_over(self._chat(in_tmux, flags, script))

    def attach(self) -> None:
        """Connect again, to the tmux that was left there."""
        self.terminal.start_over(self._client([*self._inner.command, "attach"]))

    def drop(self) -> None:
        """Cut the connection, as a network does: the client has no time to say anything."""
        os.kill(int(self.terminal.run("display-message", "-p", "#{pane_pid}")), signal.SIGKILL)

    @property
    def pid(self) -> int:
        return int(self._pid_file.read_text())

    @property
    def is_running(self) -> bool:
        """Whether the chat's process is there."""
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(self.pid, 0)
            return not Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
        return False

    def close(self) -> None:
        """End what may still run there."""
        self._inner.close()
        with suppress(OSError, ValueError):
            os.kill(self.pid, signal.SIGKILL)

    def _chat(self, in_tmux: bool, flags: Sequence[str], script: Mapping[str, object]) -> list[str]:
        chat = [
            "sh",
            "-c",
            f'echo $$ > {self._pid_file}; exec "$@"',
            "sh",
            *scripted_command(*FIXED, *flags, **script),
        ]
        tmux = [*self._inner.command, "new-session"] if in_tmux else []
        return self._client([*tmux, *chat])

    def _client(self, command: list[str]) -> list[str]:
        return self._sshd.client(command, **self._environment)


@pytest.fixture
def remote(sshd, open_terminal, short_path, own_environment) -> Iterator[Remote]:
    remote = Remote(sshd, open_terminal(), short_path, own_environment)
    yield remote
    remote.close()


@pytest.mark.parametrize("in_tmux", [False, True], ids=["bare", "in tmux"])
def test_a_chat_behind_ssh_is_drawn_stopped_copied_from_and_left(remote, in_tmux):
    terminal = remote.terminal
    remote.start(in_tmux=in_tmux, steps=12, step_seconds=0.15)
    terminal.type("over there")
    terminal.press("Enter")
    terminal.until_shown("step 3/48")
    terminal.press("Escape")
    assert terminal.until_shown("stopped at") < 2.0
    terminal.type("again")
    terminal.press("Enter")
    terminal.until_shown("12 steps", ANSWER[:60])
    terminal.type("/copy")
    terminal.press("Enter")
    terminal.until(lambda: terminal.copied == ANSWER)
    terminal.press("C-q")
    terminal.until(lambda: not remote.is_running)


@pytest.mark.parametrize("in_tmux", [False, True], ids=["bare", "in tmux"])
def test_continue_behind_ssh_goes_on_with_the_conversation(remote, in_tmux):
    terminal = remote.terminal
    remote.start(in_tmux=in_tmux, steps=3)
    terminal.type("over there")
    terminal.press("Enter")
    terminal.until_shown("3 steps", ANSWER[:60])
    terminal.press("C-q")
    terminal.until(lambda: not remote.is_running)
    remote.start_again("--continue", in_tmux=in_tmux, steps=4)
    terminal.until_shown("over there", "3 steps", ANSWER[:60])
    terminal.type("and on")
    terminal.press("Enter")
    terminal.until_shown("and on", "4 steps")


def test_a_dropped_connection_ends_the_chat(remote):
    remote.start(in_tmux=False, steps=48, step_seconds=0.2)
    remote.terminal.type("lost")
    remote.terminal.press("Enter")
    remote.terminal.until_shown("step 2/48")
    remote.drop()
    dropped = monotonic()
    while remote.is_running:
        assert monotonic() - dropped < GONE_SECONDS
        sleep(0.02)


def test_a_dropped_connection_leaves_the_chat_in_tmux_to_come_back_to(remote):
    remote.start(in_tmux=True, steps=6, step_seconds=0.2)
    remote.terminal.type("wait for me")
    remote.terminal.press("Enter")
    remote.terminal.until_shown("step 2/48")
    remote.drop()
    remote.attach()
    remote.terminal.until_shown("wait for me", "6 steps", ANSWER[:60])
    assert remote.is_running
