"""One answer as it was denoised, and what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dgchat.engine.events import CanvasStep
from dgchat.session.turn import Turn


@dataclass(frozen=True)
class Recording:
    """Every step of one answer, in order."""

    prompt: str
    """What was asked; untrusted, as everything else here."""
    steps: tuple[CanvasStep, ...]
    """The steps of the first canvas, then those of the second, and so on; at least one."""
    model: str = ""
    """Who answered, empty if that is not known."""
    seed: int | None = None
    """What the answer is a function of; None if that is not known."""

    @classmethod
    def of(cls, turn: Turn, model: str = "") -> Recording:
        """What was recorded of a turn; of one that went on, its beginning too."""
        return cls(turn.prompt, _steps_of(turn), model, turn.seed)

    @cached_property
    def canvases(self) -> tuple[tuple[CanvasStep, ...], ...]:
        """The steps, canvas by canvas."""
        indices = sorted({step.canvas_index for step in self.steps})
        return tuple(tuple(s for s in self.steps if s.canvas_index == index) for index in indices)

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Of every step: which canvas of `canvases` it belongs to, and which step of that canvas it is."""
        return tuple(
            (number, within) for number, canvas in enumerate(self.canvases) for within in range(len(canvas))
        )

    @property
    def text(self) -> str:
        """What was settled on, thought included."""
        return "".join(settled_text(canvas) for canvas in self.canvases)


def settled_text(canvas: Sequence[CanvasStep]) -> str:
    """The text of a canvas at its last step, up to the end of the turn."""
    last = canvas[-1]
    return "".join(last.pieces[: last.end])


def _steps_of(turn: Turn) -> tuple[CanvasStep, ...]:
    before = _steps_of(turn.replaces) if turn.begun and turn.replaces else ()
    first = before[-1].canvas_index + 1 if before else 0
    own = tuple(turn.trace)
    return before + (tuple(replace(s, canvas_index=s.canvas_index + first) for s in own) if first else own)
