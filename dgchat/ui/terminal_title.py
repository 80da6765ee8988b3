"""The title of the terminal's window, given back at the end."""

from __future__ import annotations

from collections.abc import Callable

from dgchat.safe_text import visible

MAX_LETTERS = 80

_KEEP = "\x1b[22;2t"
_GIVE_BACK = "\x1b]2;\x07\x1b[23;2t"
"""A terminal that keeps no titles has none afterwards, rather than ours."""


class TerminalTitle:
    """Shows a title through `write`; the terminal's own is kept from the first time on."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self.is_shown = False

    def show(self, topic: str) -> None:
        """Name the program and what the conversation is about."""
        safe = visible(" ".join(topic.split()), newlines=False)
        title = f"dgchat: {safe}" if safe else "dgchat"
        keep = "" if self.is_shown else _KEEP
        self.is_shown = True
        self._write(f"{keep}\x1b]2;{title[:MAX_LETTERS]}\x07")

    def give_back(self, write: Callable[[str], object]) -> None:
        """Restore what the title was; through a `write` of its own, for the screen is gone by then."""
        if self.is_shown:
            self.is_shown = False
            write(_GIVE_BACK)
