"""Draws a few lines in place on a terminal: one write per frame, nothing left behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_BEGIN_FRAME, _END_FRAME = "\x1b[?2026h", "\x1b[?2026l"
_ERASE_LINE_END, _ERASE_BELOW = "\x1b[0m\x1b[K", "\x1b[J"


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    """May hold attributes (bold, dim), nothing else that steers the terminal."""
    width: int
    """Cells it takes."""


def terminal_size() -> os.terminal_size:
    """Columns and rows of the terminal that is written to."""
    return shutil.get_terminal_size()


class InPlacePrinter:
    """The latest frame stays until the next one or `clear`; lines must be narrower than the terminal."""

    def __init__(self, stream: TextIO, size: Callable[[], os.terminal_size] = terminal_size) -> None:
        self._stream = stream
        self._size = size
        self._widths: list[int] = []
        self._drawn: tuple[os.terminal_size, Sequence[Line]] | None = None

    @property
    def columns(self) -> int:
        """Cells a line may take: the last column is left free, so that no terminal wraps by itself."""
        return max(1, self._size().columns - 1)

    def draw(self, lines: Sequence[Line]) -> None:
        """Put the lines where the last frame was; of too many, the last ones."""
        size = self._size()
        kept = lines[-max(1, size.lines - 1) :]
        if self._drawn == (size, kept):
            return
        start = self._to_start() if self._widths else _HIDE_CURSOR
        body = "\n".join(line.text + _ERASE_LINE_END for line in kept)
        # before it is written: an interrupt in between must not leave a frame that nobody clears
        self._widths, self._drawn = [line.width for line in kept], (size, kept)
        self._write(_BEGIN_FRAME + start + body + _ERASE_BELOW + _END_FRAME)

    def clear(self) -> None:
        """Take the frame away and give the cursor back."""
        if self._widths:
            self._write(self._to_start() + _ERASE_BELOW + _SHOW_CURSOR)
            self._widths = []

    def _to_start(self) -> str:
        """A terminal that has become narrower has wrapped the lines of the last frame."""
        columns = max(1, self._size().columns)
        rows = sum(max(1, -(-width // columns)) for width in self._widths)
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
