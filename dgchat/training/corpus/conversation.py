"""What the generator produces: turns, and conversations made of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user types and the answer the model learns."""

    user: str
    answer: str
    thought: str = ""
    """What the model thinks before it answers, empty if nothing; earlier turns' thoughts are forgotten."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order; the answer of every turn is right, so any may be trained on."""

    turns: tuple[Turn, ...]
    family: str
    """Family of the last turn."""
    system: str | None = None
    """Text of the system turn, None for none."""

    @property
    def thinking(self) -> bool:
        """Whether the model is asked to think before its last answer."""
        return bool(self.turns[-1].thought)
