"""The curve of entropies as a track to scrub on, with a mark at the step that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from dgchat.ui.widgets.status_line import sparkline

CARET = "▲"

MAX_STEP_COLUMNS = 4
"""A short answer's steps are drawn this wide at most."""


@dataclass(frozen=True, slots=True)
class Column:
    """One cell of the track."""

    style: str
    text: str
    index: int | None
    """The step that stands there; None for a label."""


class ReplayTrack(Widget):
    """Every step of every canvas, side by side; posts `Scrubbed` when the reader moves the mouse over it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "replay-track--label",
        "replay-track--current",
        "replay-track--other",
        "replay-track--caret",
        "replay-track--words",
    }

    class Scrubbed(Message):
        """The reader wants to see this step."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self._entropies: Sequence[Sequence[float]] = ()
        self._index = 0
        self._canvas = 0
        self._words = ""
        self._columns: list[Column] = []
        self._is_held = False

    def use(self, entropies: Sequence[Sequence[float]]) -> None:
        """Draw the mean entropies of other canvases from now on."""
        self._entropies = entropies

    def show(self, index: int, canvas: int, words: str) -> None:
        """Put the mark at a step, and say something on the right."""
        self._index, self._canvas, self._words = index, canvas, words
        self._columns = self._lay_out(self.size.width - len(words) - 3)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The curve, and below it the mark."""
        return self._curve() if y == 0 else self._mark()

    def on_resize(self) -> None:
        """Fit the curve to the new width."""
        self.show(self._index, self._canvas, self._words)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the mark."""
        self._is_held = True
        self.capture_mouse()
        self._scrub(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the mark along."""
        if self._is_held:
            self._scrub(event.x)

    def on_mouse_up(self) -> None:
        """Let the mark go."""
        self._is_held = False
        self.release_mouse()

    def _scrub(self, x: int) -> None:
        steps = [(abs(x - at), column.index) for at, column in enumerate(self._columns)]
        nearest = min((one for one in steps if one[1] is not None), default=None)
        if nearest is not None and nearest[1] is not None and nearest[1] != self._index:
            self.post_message(self.Scrubbed(nearest[1]))

    def _lay_out(self, width: int) -> list[Column]:
        labels = [f"canvas {number}" if number == 1 else f" {number}" for number in self._numbers()]
        room = width - sum(len(label) + 1 for label in labels)
        total = sum(map(len, self._entropies))
        wide = max(1, min(MAX_STEP_COLUMNS, room // max(1, total)))
        columns: list[Column] = []
        first = 0
        for number, (label, canvas) in enumerate(zip(labels, self._entropies, strict=True)):
            count = max(1, min(len(canvas) * wide, room * len(canvas) // max(1, total)))
            curve = sparkline(tuple(canvas))
            style = "current" if number == self._canvas else "other"
            columns += [Column("label", cell, None) for cell in f"{label} "]
            for cell in range(count):
                within = cell * len(canvas) // count
                columns.append(Column(style, curve[within], first + within))
            first += len(canvas)
        return columns

    def _numbers(self) -> range:
        return range(1, len(self._entropies) + 1)

    def _curve(self) -> Strip:
        used = len(self._columns)
        gap = max(1, self.size.width - used - len(self._words))
        runs = groupby(self._columns, key=lambda column: column.style)
        segments = [Segment("".join(c.text for c in run), self._style(style)) for style, run in runs]
        words = [Segment(" " * gap, self._style("words")), Segment(self._words, self._style("words"))]
        return Strip([*segments, *words]).adjust_cell_length(self.size.width, self._style("words"))

    def _mark(self) -> Strip:
        known = [at for at, c in enumerate(self._columns) if c.index is not None and c.index <= self._index]
        at = known[-1] if known else 0
        shown = self._columns[at].index if known else None
        if shown is not None:  # the middle of the cells that one step has
            at = (at + self._columns.index(next(c for c in self._columns if c.index == shown))) // 2
        rest = " " * max(0, self.size.width - at - 1)
        style = self._style("caret")
        return Strip([Segment(" " * at + CARET + rest, style)]).adjust_cell_length(self.size.width, style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"replay-track--{name}")
