"""The line to the terminal: what goes over it, and whether it keeps up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.driver import Driver

from dgchat.ui.fewer_bytes import Picture, fewer_bytes

_SYNCHRONISED = ("\x1b[?2026h", "\x1b[?2026l")
"""Written around a picture; they draw nothing."""

_BEGINS_PICTURE = re.compile(r"\x1b\[\d+;\d+H")


def thrifty(driver: type[Driver]) -> type[Driver]:
    """The driver, with every picture in fewer bytes, and none sent twice in a row: textual draws a page twice
    when its layout changes and it scrolls to its end.
    """

    class ThriftyDriver(driver):
        num_written_bytes = 0
        _last = ""

        def write(self, data: str) -> None:
            if data == self._last:
                return
            if data not in _SYNCHRONISED:
                data = self._picture_of(data)
            self.num_written_bytes += len(data.encode("utf-8", "replace"))
            super().write(data)

        def forget_picture(self) -> None:
            self._last, self._picture = "", Picture()

        def _picture_of(self, data: str) -> str:
            if not _BEGINS_PICTURE.match(data):
                self.forget_picture()
                return fewer_bytes(data)
            self._last = data
            return self._picture.update(data)

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._picture = Picture()

    return ThriftyDriver


def num_written_bytes(app: App[None]) -> int:
    """Bytes that were sent to the terminal so far."""
    return getattr(_driver_of(app), "num_written_bytes", 0)


def is_terminal_behind(app: App[None]) -> bool:
    """Whether earlier frames still wait to be written; False where textual does not let us see it."""
    queue = getattr(getattr(_driver_of(app), "_writer_thread", None), "_queue", None)
    return queue is not None and queue.qsize() > 0


def write_to_terminal(app: App[None], sequence: str) -> None:
    """Send a control sequence of our own between two frames; nothing where there is no terminal."""
    if driver := _driver_of(app):
        driver.write(sequence)


def _driver_of(app: App[None]) -> Driver | None:
    return getattr(app, "_driver", None)


def forget_picture(app: App[None]) -> None:
    """The terminal has changed by itself: whatever is drawn next is sent."""
    forget: Callable[[], None] | None = getattr(_driver_of(app), "forget_picture", None)
    if forget is not None:
        forget()


class ByteBudget:
    """Keeps what is drawn below a rate: the next frame waits until the line has had time for the last one."""

    def __init__(self, bytes_per_second: int | None) -> None:
        """None: as much as there is."""
        self._rate = bytes_per_second
        self._seen: int | None = None
        self._sent_at = self._free_at = float("-inf")

    def allows(self, now: float, num_written: int) -> bool:
        """Whether a frame may be drawn, after so many bytes in all."""
        if self._rate is None:
            return True
        if self._seen is not None and num_written > self._seen:
            self._free_at = max(self._free_at, self._sent_at) + (num_written - self._seen) / self._rate
        self._seen = num_written
        if now < self._free_at:
            return False
        self._sent_at = now
        return True
