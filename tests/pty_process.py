"""A process at a real pseudo-terminal: keys, signals and sizes go in, every byte comes out with its time."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 30.0
_PASTE_BEGIN, _PASTE_END = "\x1b[200~", "\x1b[201~"
_NOT_INHERITED = ("SSH_", "TMUX", "COLUMNS", "LINES")


class PtyProcess:
    """A command with a terminal of its own; a thread reads what it writes, at most at the given rate."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        bytes_per_second: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.bytes_per_second = bytes_per_second
        self.child, self.fileno = pty.fork()
        if self.child == 0:
            _become(command, size, environment or {})
        self.attributes = termios.tcgetattr(self.fileno)
        """The terminal's modes before the command changed them."""
        self.resize(*size)
        self.chunks: list[tuple[float, bytes]] = []
        self._exit_code: int | None = None
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def written(self) -> bytes:
        """Everything it has written so far."""
        return b"".join(data for _, data in list(self.chunks))

    def press(self, keys: str) -> float:
        """Type; returns when."""
        os.write(self.fileno, keys.encode())
        return monotonic()

    def paste(self, text: str) -> float:
        """Paste as a terminal does that knows bracketed paste; returns when."""
        return self.press(f"{_PASTE_BEGIN}{text}{_PASTE_END}")

    def resize(self, width: int, height: int) -> None:
        """Change the terminal's size, of which the system tells the process."""
        fcntl.ioctl(self.fileno, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def send(self, number: int) -> float:
        """Send a signal; returns when."""
        os.kill(self.child, number)
        return monotonic()

    def wait_for(self, text: str, since: float = 0.0) -> float:
        """When the text had been read, of what came after `since`; fails if it never comes."""
        deadline = monotonic() + PATIENCE_SECONDS
        while monotonic() < deadline:
            seen = b""
            for at, data in list(self.chunks):
                seen += data if at >= since else b""
                if text.encode() in seen:
                    return at
            sleep(0.01)
        raise AssertionError(f"{text!r} was never written, only\n{self.written[-2000:]!r}")

    def since(self, begin: float) -> bytes:
        """What was read after that."""
        return b"".join(data for at, data in list(self.chunks) if at >= begin)

    def bytes_between(self, begin: float, end: float) -> int:
        """Bytes that were read in that time."""
        return sum(len(data) for at, data in list(self.chunks) if begin <= at <= end)

    def exit_code(self, seconds: float = PATIENCE_SECONDS) -> int:
        """That of the command, which is waited for; negative is the signal that ended it."""
        deadline = monotonic() + seconds
        while self._exit_code is None:
            ended, status = os.waitpid(self.child, os.WNOHANG)
            if ended:
                self._exit_code = os.waitstatus_to_exitcode(status)
            elif monotonic() > deadline:
                self.kill()
                raise AssertionError(f"it has not ended within {seconds} seconds: {self.written[-2000:]!r}")
            else:
                sleep(0.01)
        self._reader.join(PATIENCE_SECONDS)
        return self._exit_code

    def kill(self) -> None:
        """End it by force, if it still runs, and wait until it is gone."""
        if self._exit_code is None:
            os.kill(self.child, signal.SIGKILL)
            self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    def close(self) -> None:
        """End it, and give the terminal back."""
        self.kill()
        self._reader.join(PATIENCE_SECONDS)
        os.close(self.fileno)

    def modes_left_on(self) -> list[str]:
        """The private modes that it has switched on last, and what else of the terminal is not as before."""
        written, left = self.written, []
        for mode in ("1000", "1003", "1006", "1015", "1004", "1049", "2004", "2026"):
            on, off = (written.rfind(f"\x1b[?{mode}{end}".encode()) for end in "hl")
            left += [mode] if on > off else []
        left += ["hidden cursor"] if written.rfind(b"\x1b[?25l") > written.rfind(b"\x1b[?25h") else []
        left += ["line modes"] if termios.tcgetattr(self.fileno)[3] != self.attributes[3] else []
        return left

    def _read(self) -> None:
        read, began = 0, monotonic()
        while True:
            try:
                if not select.select([self.fileno], [], [], 0.1)[0]:
                    if self._exit_code is not None:
                        return
                    continue
                data = os.read(self.fileno, 65536 if self.bytes_per_second is None else 512)
            except (OSError, ValueError):
                return
            if not data:
                return
            self.chunks.append((monotonic(), data))
            if self.bytes_per_second is None:
                read, began = 0, monotonic()
                continue
            read += len(data)
            now = monotonic()
            began = max(began, now - read / self.bytes_per_second)  # a rate that was not used is lost
            sleep(max(0.0, began + read / self.bytes_per_second - now))


def _become(command: Sequence[str], size: tuple[int, int], environment: Mapping[str, str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    paths = os.pathsep.join(str(ROOT / folder) for folder in (".", "kernels", "tests"))
    defaults = {"PYTHONPATH": paths, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    try:
        os.execve(command[0], list(command), {**inherited, **defaults, **environment})
    finally:
        sys.stderr.write(f"{command[0]} cannot be run")
        os._exit(127)
