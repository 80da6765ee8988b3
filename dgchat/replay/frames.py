"""Any step of a recording as painted rows, with the states and the layout of the live canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from dgchat.engine.events import CanvasStep
from dgchat.replay.canvas_history import CanvasHistory
from dgchat.replay.heat import heat_level
from dgchat.replay.recording import Recording
from dgchat.safe_text import visible
from dgchat.ui.widgets.canvas_layout import Row, lay_out
from dgchat.ui.widgets.canvas_paint import (
    NameStyle,
    Painted,
    paint_row,
    paint_rule,
    style_name,
)
from dgchat.ui.widgets.canvas_states import CanvasStates
from dgchat.ui.widgets.drawn_token import DrawnToken, State

CURSOR_STYLE = "cursor"


@dataclass(frozen=True, slots=True)
class Spot:
    """A token of a recording."""

    canvas: int
    """From 0."""
    position: int
    """From 0."""


@dataclass(frozen=True, slots=True)
class FrameRow:
    """One painted row, and which tokens stand in it."""

    painted: Painted
    canvas: int
    slots: Row
    """Empty for a rule."""


class Frames:
    """Draws the steps of one recording; steps that follow each other are cheap, a step back costs its canvas.

    The picture of a step is a function of the step alone, however one came to it.
    """

    def __init__(
        self, recording: Recording, entropy_levels: tuple[float, ...], glyphs: str, width: int
    ) -> None:
        self.recording = recording
        self.histories = tuple(map(CanvasHistory, recording.canvases))
        self._entropy_levels = entropy_levels
        self._glyphs = glyphs
        self._width = width
        self._states = CanvasStates(entropy_levels)
        self._observed: tuple[int, int] | None = None
        """Canvas, and step within it, that the states stand at."""
        self._finals: dict[int, tuple[DrawnToken, ...]] = {}

    def use_width(self, width: int) -> None:
        """Break lines at so many cells from now on."""
        self._width = width

    def rows(self, index: int, *, heat: bool = False, cursor: Spot | None = None) -> list[FrameRow]:
        """The canvases before the step's as plain text, a rule after each, and its own as it was."""
        canvas, within = self.recording.places[index]
        rows: list[FrameRow] = []
        for earlier in range(canvas):
            tokens = self._settled(earlier)
            names = self._names(earlier, len(self.recording.canvases[earlier]), heat, cursor)
            rows += self._paint(earlier, tokens, names, is_frozen=True)
            rows.append(FrameRow(paint_rule(self._width), earlier, ()))
        tokens = self.tokens(canvas, within)
        if heat:
            tokens = self._with_settled(canvas, within + 1, tokens)
        names = self._names(canvas, within + 1, heat, cursor)
        return rows + self._paint(canvas, tokens, names)

    def tokens(self, canvas: int, within: int) -> tuple[DrawnToken, ...]:
        """The tokens of a canvas at a step, counted from 0, in their states; at the last, none is fresh."""
        if self._observed is None or self._observed[0] != canvas or self._observed[1] > within:
            self._states, self._observed = CanvasStates(self._entropy_levels), (canvas, -1)
        for number in range(self._observed[1] + 1, within + 1):
            # a second a step: what settled in this step is fresh, what settled before is not
            self._states.observe(self.recording.canvases[canvas][number], float(number))
            self._states.tokens(float(number))  # noise keeps the shape in which it was first drawn
        self._observed = canvas, within
        is_last = within == len(self.recording.canvases[canvas]) - 1
        return self._states.tokens(within + 1.0 if is_last else float(within))

    @property
    def settled_fraction(self) -> float:
        """Of the canvas and at the step whose tokens were asked for last, 0 to 1."""
        return self._states.settled_fraction

    @property
    def num_overturned(self) -> int:
        """Settled tokens that had been changed after all by that step."""
        return self._states.num_overturned

    def _paint(
        self, canvas: int, tokens: Sequence[DrawnToken], names: NameStyle, *, is_frozen: bool = False
    ) -> list[FrameRow]:
        return [
            FrameRow(paint_row(row, tokens, self._glyphs, is_frozen=is_frozen, name_style=names), canvas, row)
            for row in lay_out(tokens, self._width)
        ]

    def _names(self, canvas: int, step: int, heat: bool, cursor: Spot | None) -> NameStyle:
        history = self.histories[canvas]

        def name(position: int, token: DrawnToken) -> str:
            if cursor == Spot(canvas, position):
                return CURSOR_STYLE
            if not heat:
                return style_name(position, token)
            settled_at = history.settle_steps[position]
            if token.state is State.NOISE:
                return "noise"
            if position >= history.length or settled_at > step:
                return "unsettled"
            return f"heat-{heat_level(settled_at, history.num_steps)}"

        return name

    def _settled(self, canvas: int) -> tuple[DrawnToken, ...]:
        if canvas not in self._finals:
            self._finals[canvas] = _final_tokens(self.recording.canvases[canvas][-1])
        return self._finals[canvas]

    def _with_settled(self, canvas: int, step: int, tokens: Sequence[DrawnToken]) -> tuple[DrawnToken, ...]:
        """The tokens, those that will not change any more as they will be."""
        final, settle_steps = self._settled(canvas), self.histories[canvas].settle_steps
        return tuple(
            final[position] if position < len(final) and settle_steps[position] <= step else token
            for position, token in enumerate(tokens)
        )


def _final_tokens(step: CanvasStep) -> tuple[DrawnToken, ...]:
    texts = map(visible, step.pieces[: step.end])
    drawn = (DrawnToken(text, cell_len(text) + text.count("\n"), State.SETTLED, 0) for text in texts)
    return tuple(drawn)
