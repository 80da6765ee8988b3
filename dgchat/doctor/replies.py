"""Asks the terminal what it can do, and reads what it replies."""

from __future__ import annotations

import os
import re
import select
import sys
from dataclasses import dataclass
from time import monotonic

from dgchat.posix import reading_replies

WAIT_SECONDS = 0.5
"""A terminal over a slow connection is given so long."""

_QUESTIONS = b"\x1b[?2026$p\x1b[?u\x1b[c"
"""Synchronized output? Keyboard protocol? And what every terminal answers, so that the wait has an end."""

_SYNCHRONIZED = re.compile(rb"\x1b\[\?2026;(\d)\$y")
_KITTY_KEYS = re.compile(rb"\x1b\[\?\d+u")
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]+)c")
_CLIPBOARD = b"52"


@dataclass(frozen=True, slots=True)
class Replies:
    """None stands for what was not answered."""

    synchronized_output: bool | None = None
    kitty_keys: bool | None = None
    clipboard: bool | None = None
    """Whether it says that programs may set the clipboard; few terminals say it at all."""


def ask_terminal() -> Replies:
    """What the terminal of standard input and output replies; nothing if they are none."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Replies()
    reads, writes = sys.stdin.fileno(), sys.stdout.fileno()
    try:
        with reading_replies(reads):
            sys.stdout.flush()
            os.write(writes, _QUESTIONS)
            return read_replies(_until_attributes(reads))
    except OSError:
        return Replies()


def read_replies(answer: bytes) -> Replies:
    """What an answer means; a terminal that answers the last question has answered those it knows."""
    attributes = _ATTRIBUTES.search(answer)
    if attributes is None:
        return Replies()
    synchronized = _SYNCHRONIZED.search(answer)
    return Replies(
        synchronized_output=synchronized is not None and synchronized[1] in (b"1", b"2"),
        kitty_keys=_KITTY_KEYS.search(answer) is not None,
        clipboard=True if _CLIPBOARD in attributes[1].split(b";") else None,
    )


def _until_attributes(fileno: int) -> bytes:
    answer, give_up = b"", monotonic() + WAIT_SECONDS
    while _ATTRIBUTES.search(answer) is None and (left := give_up - monotonic()) > 0:
        if select.select([fileno], [], [], left)[0]:
            answer += os.read(fileno, 256)
    return answer
