"""A real terminal for tests: a tmux server of its own, driven by key presses and read as rows of text."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep

import pytest

PATIENCE_SECONDS = 30.0

SETTINGS = """\
set -g default-terminal tmux-256color
set -g status off
set -g remain-on-exit on
set -s escape-time 10
set -s set-clipboard on
set -g allow-passthrough on
"""
"""A short escape-time, as `Esc` deserves; and copying allowed, as those set it who copy."""


def need_tmux() -> None:
    """Skip where there is no tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")


def _shell_words(command: Sequence[str], environment: Mapping[str, str]) -> str:
    variables = [f"{name}={value}" for name, value in environment.items()]
    return shlex.join(["env", "-u", "COLUMNS", "-u", "LINES", *variables, *command])


class Tmux:
    """One session with one pane; its folder holds socket and settings."""

    def __init__(self, folder: Path, size: tuple[int, int] = (80, 24), settings: str = SETTINGS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tmux.conf").write_text(settings)
        self.command = ["tmux", "-S", str(folder / "socket"), "-f", str(folder / "tmux.conf")]
        self._size = size

    def start(self, command: Sequence[str], **environment: str) -> None:
        """Run a command in the pane."""
        width, height = self._size
        words = _shell_words(command, environment)
        self.run("new-session", "-d", "-x", str(width), "-y", str(height), words)

    def start_over(self, command: Sequence[str], **environment: str) -> None:
        """Run another command in the pane, whether the first one is over or not."""
        self.run("respawn-pane", "-k", _shell_words(command, environment))

    def run(self, *arguments: str) -> str:
        """A tmux command; what it writes."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, check=True, timeout=30)
        return done.stdout.decode()

    def type(self, text: str) -> None:
        """Type letters."""
        self.run("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them."""
        self.run("send-keys", *keys)

    def paste(self, text: str) -> None:
        """Paste as a terminal does that knows bracketed paste."""
        self.run("set-buffer", "-b", "pasted", "--", text)
        self.run("paste-buffer", "-p", "-r", "-b", "pasted")

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        self.run("resize-window", "-x", str(width), "-y", str(height))

    @property
    def rows(self) -> list[str]:
        """What stands on the screen."""
        return [row.rstrip() for row in self.run("capture-pane", "-p").splitlines()]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    @property
    def copied(self) -> str:
        """What was copied last, by whatever way."""
        done = subprocess.run([*self.command, "show-buffer"], capture_output=True, check=False)
        return done.stdout.decode()

    @property
    def exit_code(self) -> int | None:
        """That of the command; None while it runs."""
        status = self.run("display-message", "-p", "#{pane_dead} #{pane_dead_status}").split()
        return int(status[1]) if len(status) == 2 else None

    def until(self, holds: Callable[[], bool]) -> float:
        """Wait until something holds, and say for how long; the screen is shown if it never does."""
        started = monotonic()
        while not holds():
            waited = monotonic() - started
            assert waited < PATIENCE_SECONDS, f"waited in vain before\n{self.text}"
            sleep(0.02)
        return monotonic() - started

    def until_shown(self, *words: str) -> float:
        """Wait until all these words are on the screen."""
        return self.until(lambda: all(word in self.text for word in words))

    def close(self) -> None:
        """End the server and what runs in it."""
        subprocess.run([*self.command, "kill-server"], capture_output=True, check=False)
