"""The answer while it is being denoised, drawn row by row with the Line API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import is_
from time import monotonic
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal

from dgchat.engine.events import CanvasStep
from dgchat.ui.theme import ChatTheme
from dgchat.ui.widgets.canvas_layout import Row, Slot, fit, lay_out
from dgchat.ui.widgets.canvas_rows import SETTLE_BARS, CanvasRows, SettleBars
from dgchat.ui.widgets.canvas_states import FRESH_SECONDS, NOISE_CELL, CanvasStates
from dgchat.ui.widgets.drawn_token import DrawnToken, State
from dgchat.ui.widgets.ground import Ground
from dgchat.ui.widgets.styled_rows import StyledRow

REWRAP_SECONDS = 0.15
"""Lines are broken anew at most this often; in between a changed token keeps the slot of the old one."""

GROW_ROWS = 4
"""The widget grows by this many rows at a time: the page moves seldom, and each move is a page of bytes."""

RULE_CELLS = 24
"""Length of the thin rule below a finished canvas."""

_SCATTER = 2_654_435_761
"""A multiplier whose products look random in their middle bits."""


class _Painted(NamedTuple):
    row: Row
    drawn: list[DrawnToken]
    runs: StyledRow
    bar: str


class LiveCanvas(Ground, Horizontal):
    """Finished canvases as plain text, a thin rule after each, and the canvas that is being denoised."""

    def __init__(self, theme: ChatTheme, raw_noise: bool = False) -> None:
        """With `raw_noise` unknown tokens show their text in place of noise glyphs."""
        super().__init__()
        self._levels = theme.entropy_levels
        self._glyphs = theme.noise_glyphs
        self._raw_noise = raw_noise
        self._states = CanvasStates(self._levels, raw_noise)
        self._bars = SettleBars()
        self._text = CanvasRows()
        self._canvas_index = 0
        self._finished: list[list[DrawnToken]] = []
        self._above: list[StyledRow] = []
        self._layout: tuple[Row, ...] = ()
        self._painted: list[_Painted] = []
        self._laid_out_at = self._drawn_at = float("-inf")
        self._laid_out_width = 0
        self._num_rows = 0
        self.num_drawn_steps = 0
        """Steps that were put on the screen."""

    def compose(self) -> ComposeResult:
        """Bars, text."""
        yield self._bars
        yield self._text

    @property
    def states(self) -> CanvasStates:
        """What is known about the canvas that is being denoised."""
        return self._states

    @property
    def text_width(self) -> int:
        """Cells of one row of text."""
        return max(1, self._text.size.width)

    def advance(self, steps: Sequence[CanvasStep], now: float) -> None:
        """Observe the steps, and draw the last of them."""
        for step in steps:
            if step.canvas_index != self._canvas_index:
                self._begin_canvas(step.canvas_index, now)
            self._states.observe(step, now)
        self.num_drawn_steps += 1
        self._draw(now)

    def settle_fresh(self, now: float) -> None:
        """Let tokens that have been bold for long enough become normal; the next step does so too, and if
        steps come fast it costs no frame of its own.
        """
        if now - self._drawn_at >= FRESH_SECONDS and self._states.fresh_ends(now):
            self._draw(now)

    def on_resize(self) -> None:
        """Break the lines anew for the new width."""
        if self._laid_out_width == self.text_width or not self._num_rows:
            return
        self._above = [row for tokens in self._finished for row in self._paint_finished(tokens)]
        self._draw(monotonic())

    def _begin_canvas(self, canvas_index: int, now: float) -> None:
        tokens = self._states.tokens(now + FRESH_SECONDS)
        settled = [_as_settled(token) for token in tokens if not token.is_past_end]
        self._finished.append(settled)
        self._above += self._paint_finished(settled)
        self._states = CanvasStates(self._levels, self._raw_noise)
        self._canvas_index = canvas_index
        self._laid_out_width = 0

    def _paint_finished(self, tokens: Sequence[DrawnToken]) -> list[StyledRow]:
        rows = [
            self._paint_row(row, [tokens[slot.position] for slot in row])
            for row in lay_out(tokens, self.text_width)
        ]
        return [*rows, (("rule", "┄" * min(self.text_width, RULE_CELLS)),)]

    def _draw(self, now: float) -> None:
        self._drawn_at = now
        tokens = self._states.tokens(now)
        self._states.forget_fresh(now)
        self._lay_out(tokens, now)
        self._painted = [self._painted_row(y, row, tokens) for y, row in enumerate(self._layout)]
        rows = [*self._above, *(painted.runs for painted in self._painted)]
        bars = SETTLE_BARS[-1] * len(self._above) + "".join(painted.bar for painted in self._painted)
        grows = len(rows) > self._num_rows
        if grows:
            self._num_rows = max(len(rows), self._num_rows + GROW_ROWS)
            self.styles.height = self._num_rows
        self._text.show(rows, refresh=not grows)
        self._bars.show_bars(bars, self._num_rows)

    def _lay_out(self, tokens: Sequence[DrawnToken], now: float) -> None:
        is_same_width = self._laid_out_width == self.text_width
        if is_same_width and now - self._laid_out_at < REWRAP_SECONDS:
            return
        self._layout = lay_out(tokens, self.text_width, self._layout if is_same_width else ())
        self._laid_out_at, self._laid_out_width = now, self.text_width

    def _painted_row(self, y: int, row: Row, tokens: Sequence[DrawnToken]) -> _Painted:
        """The row as it was painted last if nothing in it has changed, else painted anew."""
        drawn = [tokens[slot.position] for slot in row if slot.position < len(tokens)]
        if y < len(self._painted):
            before = self._painted[y]
            if before.row == row and len(before.drawn) == len(drawn) and all(map(is_, before.drawn, drawn)):
                return before
        return _Painted(row, drawn, self._paint_row(row, drawn), _bar(drawn))

    def _paint_row(self, row: Row, drawn: Sequence[DrawnToken]) -> StyledRow:
        runs: list[tuple[str, str]] = []
        for slot, token in zip(row, drawn, strict=False):  # a shorter canvas than was laid out
            whole = slot.start == 0 and slot.width == token.width and "\n" not in token.text
            text = token.text if whole else fit(token.text, slot.start, slot.width)
            if token.state is State.NOISE:
                text = self._noise(text, slot)
            style = token.style
            if runs and runs[-1][0] == style:
                runs[-1] = style, runs[-1][1] + text
            else:
                runs.append((style, text))
        return tuple(runs)

    def _noise(self, text: str, slot: Slot) -> str:
        """The theme's glyphs, scattered over the cells of noise; a slot's are always the same."""
        if NOISE_CELL not in text:
            return text
        first = slot.position * 7 + slot.start
        return "".join(
            self._glyphs[((first + cell) * _SCATTER >> 16) % len(self._glyphs)] if shown == NOISE_CELL else shown
            for cell, shown in enumerate(text)
        )


def _bar(drawn: Sequence[DrawnToken]) -> str:
    settled = sum(token.breaks_lines for token in drawn)
    return SETTLE_BARS[(len(SETTLE_BARS) - 1) * settled // max(1, len(drawn))]


def _as_settled(token: DrawnToken) -> DrawnToken:
    return replace(token, state=State.SETTLED, is_overturned=False)
