"""Copying by the terminal's own clipboard (OSC 52), which works over ssh as well."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from subprocess import SubprocessError, run

from dgchat.errors import DgchatError
from dgchat.ui.terminal import Multiplexer

MAX_SEQUENCE_BYTES = 100_000
"""Longer sequences are dropped by common terminals, and xterm.js and hterm drop them in silence."""

_START, _END = "\x1b]52;c;", "\x07"

MAX_COPY_BYTES = (MAX_SEQUENCE_BYTES - len(_START) - len(_END)) // 4 * 3
"""Base64 makes four bytes out of three."""

_TMUX_SECONDS = 1.0
"""More than tmux ever takes to fill a buffer."""

_SCREEN_CHUNK = 76
"""GNU screen passes on no string longer than some hundred bytes."""


def copy_sequence(text: str, multiplexer: Multiplexer) -> str:
    """What makes the terminal behind `multiplexer` take the text; DgchatError if it is too long for that."""
    data = text.encode("utf-8", errors="replace")
    if len(data) > MAX_COPY_BYTES:
        raise DgchatError(
            f"{len(data):,} bytes are too many for a terminal's clipboard, which takes {MAX_COPY_BYTES:,}",
            hint="select a part",
        )
    sequence = f"{_START}{b64encode(data).decode('ascii')}{_END}"
    if multiplexer is Multiplexer.TMUX:
        return sequence + _through_tmux(sequence)
    return _through_screen(sequence) if multiplexer is Multiplexer.SCREEN else sequence


def fill_tmux_buffer(text: str) -> None:
    """Give the text to tmux itself, which hands it on to its terminal even as it is set up by default; from
    before tmux 3.2, or without its command, nothing comes of it.
    """
    with suppress(OSError, SubprocessError):
        command = ["tmux", "load-buffer", "-w", "-"]
        data = text.encode("utf-8", errors="replace")
        run(command, input=data, capture_output=True, check=False, timeout=_TMUX_SECONDS)


def _through_tmux(sequence: str) -> str:
    """tmux takes the bare sequence with `set-clipboard on`, and passes on this one with `allow-passthrough`
    (before tmux 3.3 always).
    """
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def _through_screen(sequence: str) -> str:
    chunks = [sequence[at : at + _SCREEN_CHUNK] for at in range(0, len(sequence), _SCREEN_CHUNK)]
    return "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
