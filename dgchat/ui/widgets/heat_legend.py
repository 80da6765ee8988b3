"""Which colour of the map stands for which steps."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from dgchat.replay.heat import heat_ranges

HEAT_MARKS = ("", "", "italic", "underline", "bold underline")
"""What tells the levels apart where colours do not; as in replay.tcss."""


class HeatLegend(Static):
    """One line: the steps of each level, in its colour and with its mark."""

    def show(self, num_steps: int) -> None:
        """Tell of a canvas of so many steps."""
        parts = [Content.styled("settled at step  ", "$muted")]
        ranges = heat_ranges(num_steps)
        for level, first, last in ranges:
            steps = f"{first}" if first == last else f"{first}–{last}"
            parts += [Content.styled(steps, f"{HEAT_MARKS[level]} $heat-{level}"), Content("  ")]
        if any("underline" in HEAT_MARKS[level] for level, _, _ in ranges):
            parts.append(Content.styled(" underlined: among the last", "$muted"))
        self.update(Content("").join(parts))
