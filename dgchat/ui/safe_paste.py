"""What textual's driver makes of the terminal's bytes.

Pasted text is only ever inserted: an escape sequence inside a paste must not turn into key presses. Besides,
alt+enter is told from enter, and bytes that are no text do not end the chat.
"""

from __future__ import annotations

import importlib
import sys
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from textual import constants
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message

_DRIVER = "textual.drivers.win32" if sys.platform == "win32" else "textual.drivers.linux_driver"

_ALT_ENTER = "\x1b\r"
"""What a terminal without the kitty keyboard protocol sends; textual takes it for enter."""

_ALT_ENTER_TOLD = "\n" if constants.DISABLE_KITTY_KEY else "\x1b[13;3u"
"""What it is read as: the protocol's alt+enter, or ctrl+j where textual is told not to know the protocol."""


class PasteSafeParser(XTermParser):
    """A terminal parser that shows an ESC inside a paste as a mark, and one right before CR elsewhere as alt.

    The paste ends at the last end marker of what arrived together, so a marker hidden in the pasted text does
    not end it early. Markers split between two reads are recognised.
    """

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pasting = False
        self._tail = ""

    def feed(self, data: str) -> Iterable[Message]:
        """Parse what was read; an empty string is the end."""
        if not data:
            yield from super().feed(data)
            return
        for part in self._defused(data):
            yield from super().feed(part)

    def _defused(self, data: str) -> Iterable[str]:
        while data:
            step = self._inside if self._pasting else self._outside
            part, data = step(data)
            if part:
                yield part

    def _outside(self, data: str) -> tuple[str, str]:
        """The part up to and with a start marker, and the rest; `_tail` was passed on already."""
        seen = self._tail + data
        found = seen.find(BRACKETED_PASTE_START)
        if found < 0:
            self._tail = seen[1 - len(BRACKETED_PASTE_START) :]
            return data.replace(_ALT_ENTER, _ALT_ENTER_TOLD), ""
        split = found + len(BRACKETED_PASTE_START) - len(self._tail)
        self._pasting, self._tail = True, ""
        return data[:split].replace(_ALT_ENTER, _ALT_ENTER_TOLD), data[split:]

    def _inside(self, data: str) -> tuple[str, str]:
        """The pasted part with its end marker if there is one, and the rest; `_tail` is held back."""
        seen = self._tail + data
        found = seen.rfind(BRACKETED_PASTE_END)
        if found < 0:
            held = _length_of_beginning(seen, BRACKETED_PASTE_END)
            self._tail = seen[len(seen) - held :]
            return _without_escapes(seen[: len(seen) - held]), ""
        self._pasting, self._tail = False, ""
        rest = seen[found + len(BRACKETED_PASTE_END) :]
        return _without_escapes(seen[:found]) + BRACKETED_PASTE_END, rest


def install_safe_paste() -> None:
    """Let textual's driver read through `PasteSafeParser`, and survive bytes that are not UTF-8.

    The driver's module is the only place where either can be chosen.
    """
    driver = cast(Any, importlib.import_module(_DRIVER))
    driver.XTermParser = PasteSafeParser
    driver.getincrementaldecoder = _lenient_decoder


def _lenient_decoder(encoding: str) -> Callable[[], IncrementalDecoder]:
    return partial(getincrementaldecoder(encoding), errors="replace")


def _without_escapes(text: str) -> str:
    return text.replace("\x1b", "␛")


def _length_of_beginning(text: str, marker: str) -> int:
    """How many characters at the end of the text could be the beginning of the marker."""
    return next(size for size in range(len(marker) - 1, -1, -1) if text.endswith(marker[:size]))
