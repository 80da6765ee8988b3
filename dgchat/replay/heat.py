"""When a token settled, as one of a few levels that a map can show."""

from __future__ import annotations

NUM_HEAT_LEVELS = 5
"""Parts that the steps of a canvas are cut into where a map shows when each token settled."""


def heat_level(settle_step: int, num_steps: int) -> int:
    """0 for what settled among the first steps of a canvas, NUM_HEAT_LEVELS - 1 for the last ones."""
    if num_steps <= 1:
        return 0
    return min(NUM_HEAT_LEVELS - 1, (settle_step - 1) * NUM_HEAT_LEVELS // num_steps)


def heat_ranges(num_steps: int) -> tuple[tuple[int, int, int], ...]:
    """Level, first step and last step of every level that a canvas of so many steps can have."""
    steps_of: dict[int, list[int]] = {}
    for step in range(1, num_steps + 1):
        steps_of.setdefault(heat_level(step, num_steps), []).append(step)
    return tuple((level, steps[0], steps[-1]) for level, steps in steps_of.items())
