"""One token of a canvas as it is drawn. No textual."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a token is drawn; each differs from the others by more than its colour."""

    SETTLED = "settled"
    FRESH = "fresh"
    DRAFT = "draft"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class DrawnToken:
    text: str
    """Safe to show; a newline is one cell until it breaks the line."""
    width: int
    """Cells of the text, newlines counted as one."""
    state: State
    """Settled, fresh, draft or noise."""
    level: int
    """Entropy level of a draft, 0 the surest; 0 for what is no draft."""
    is_past_end: bool = False
    """Whether it stands behind an end-of-turn that may still move."""
    is_overturned: bool = False
    """Whether it was settled before and the model changed its mind."""

    @property
    def breaks_lines(self) -> bool:
        """Whether its newlines are settled enough to break the line."""
        return self.state in (State.SETTLED, State.FRESH)
