"""What happened at each position of one canvas: when it settled, and how often it changed its mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dgchat.engine.events import CanvasStep, entropy_of_level


@dataclass(frozen=True, slots=True)
class Stay:
    """One token at one position, for some steps in a row."""

    token_id: int
    piece: str
    """Untrusted."""
    first_step: int
    """Counted from 1."""
    num_steps: int


@dataclass(frozen=True, slots=True)
class MindChanged:
    """A position whose argmax did not stay what it was."""

    position: int
    num_flips: int
    stays: tuple[Stay, ...]


class CanvasHistory:
    """The steps of one canvas, read position by position; steps and settle steps count from 1."""

    def __init__(self, steps: Sequence[CanvasStep]) -> None:
        self._steps = steps

    @property
    def num_steps(self) -> int:
        """Steps that the canvas took."""
        return len(self._steps)

    @property
    def length(self) -> int:
        """Positions before the end of the turn, or all of them where it has none."""
        last = self._steps[-1]
        return len(last.token_ids) if last.end is None else last.end

    @cached_property
    def settle_steps(self) -> tuple[int, ...]:
        """The step from which each position of the whole canvas stayed what it is."""
        return tuple(self._settle_step(position) for position in range(len(self._steps[-1].token_ids)))

    def stays(self, position: int) -> tuple[Stay, ...]:
        """The tokens that stood at a position, one after the other."""
        stays: list[Stay] = []
        for number, step in enumerate(self._steps, start=1):
            token_id = step.token_ids[position]
            if stays and stays[-1].token_id == token_id:
                last = stays[-1]
                stays[-1] = Stay(last.token_id, last.piece, last.first_step, last.num_steps + 1)
            else:
                stays.append(Stay(token_id, step.pieces[position], number, 1))
        return tuple(stays)

    def entropies(self, position: int) -> tuple[float, ...]:
        """The token entropy at a position, step by step, in nats."""
        return tuple(entropy_of_level(step.entropy_levels[position]) for step in self._steps)

    @cached_property
    def minds_changed(self) -> tuple[MindChanged, ...]:
        """The positions before the end that changed their mind, most often first, the later settled first."""
        histories = ((position, self.stays(position)) for position in range(self.length))
        changed = [
            MindChanged(position, len(stays) - 1, stays) for position, stays in histories if len(stays) > 1
        ]
        settled = self.settle_steps
        return tuple(sorted(changed, key=lambda one: (-one.num_flips, -settled[one.position], one.position)))

    def _settle_step(self, position: int) -> int:
        number = len(self._steps)
        token_id = self._steps[-1].token_ids[position]
        while number > 1 and self._steps[number - 2].token_ids[position] == token_id:
            number -= 1
        return number
