"""The last door before the terminal: whatever a widget drew, no control character passes."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from dgchat.safe_text import visible

_PLAIN = Style()


class SafeLines(LineFilter):
    """Replaces what a terminal would obey by marks of the width it was measured with.

    It also gives every segment a style: the filters behind this one cannot work with None.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, safe to write."""
        return [Segment(_safe(text), style or _PLAIN, control) for text, style, control in segments]


@lru_cache(maxsize=4096)
def _safe(text: str) -> str:
    shown = visible(text, newlines=False)
    return text if shown == text else set_cell_size(shown, cell_len(text))
