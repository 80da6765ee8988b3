"""The answer while it is being denoised, drawn row by row with the Line API."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap, zip_longest
from operator import is_not
from time import monotonic
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal

from dgchat.engine.events import CanvasStep
from dgchat.ui.theme import ChatTheme
from dgchat.ui.widgets.canvas_layout import Row, lay_out
from dgchat.ui.widgets.canvas_paint import SETTLE_BARS, Painted, as_settled, paint_row, paint_rule
from dgchat.ui.widgets.canvas_rows import CanvasRows, SettleBars
from dgchat.ui.widgets.canvas_states import FRESH_SECONDS, CanvasStates
from dgchat.ui.widgets.drawn_token import DrawnToken
from dgchat.ui.widgets.ground import Ground
from dgchat.ui.widgets.unscrolled import Unscrolled

REWRAP_SECONDS = 0.18
"""Lines are broken anew at most this often; in between a changed token keeps the slot of the old one."""

ROWS_PER_SPARE_ROW = 4
"""The widget grows by a spare row for so many that it needs: each growth costs a whole page of bytes."""

GUTTER = 2
"""Cells left of the text: the settle bar and a space."""

MARGIN = 1
"""Cells right of the text."""


class _PaintedRow(NamedTuple):
    row: Row
    painted: Painted


class LiveCanvas(Ground, Unscrolled, Horizontal):
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
        self._above: list[Painted] = []
        self._layout: tuple[Row, ...] = ()
        self._drawn: tuple[DrawnToken, ...] = ()
        self._painted: list[_PaintedRow] = []
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
        return max(1, self.size.width - GUTTER - MARGIN)

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
        if self._laid_out_width == self.text_width or not self.num_drawn_steps:
            return
        self._above = [row for tokens in self._finished for row in self._paint_finished(tokens)]
        self._draw(monotonic())

    def _begin_canvas(self, canvas_index: int, now: float) -> None:
        tokens = self._states.tokens(now + FRESH_SECONDS)
        settled = [as_settled(token) for token in tokens if not token.is_past_end]
        self._finished.append(settled)
        self._above += self._paint_finished(settled)
        self._states = CanvasStates(self._levels, self._raw_noise)
        self._drawn = ()
        self._canvas_index = canvas_index
        self._laid_out_width = 0

    def _paint_finished(self, tokens: Sequence[DrawnToken]) -> list[Painted]:
        rows = lay_out(tokens, self.text_width)
        painted = [paint_row(row, tokens, self._glyphs, is_frozen=True) for row in rows]
        return [*painted, paint_rule(self.text_width)]

    def _draw(self, now: float) -> None:
        if not self.size.width:
            return  # in one column it would become higher than it may ever shrink; its size is on the way
        self._drawn_at = now
        tokens = self._states.tokens(now)
        self._states.forget_fresh(now)
        self._lay_out(tokens, now)
        self._paint(tokens)
        rows = [*self._above, *(row.painted for row in self._painted)]
        grows = len(rows) > self._num_rows
        if grows:
            self._num_rows = len(rows) + len(rows) // ROWS_PER_SPARE_ROW
            self.styles.height = self._num_rows
        self._text.show([painted[1:] for painted in rows], refresh=not grows)
        below = [(("gutter", SETTLE_BARS[0]),)] * (self._num_rows - len(rows))
        self._bars.show([*(painted[:1] for painted in rows), *below])

    def _lay_out(self, tokens: Sequence[DrawnToken], now: float) -> None:
        is_same_width = self._laid_out_width == self.text_width
        if is_same_width and now - self._laid_out_at < REWRAP_SECONDS:
            return
        self._layout = lay_out(tokens, self.text_width, self._layout if is_same_width else ())
        self._laid_out_at, self._laid_out_width = now, self.text_width

    def _paint(self, tokens: tuple[DrawnToken, ...]) -> None:
        """Rows as they were painted last if nothing in them has changed, else painted anew."""
        changed = bytes(starmap(is_not, zip_longest(tokens, self._drawn)))  # 1 where the token is another one
        before, self._drawn = self._painted, tokens
        self._painted = []
        for y, row in enumerate(self._layout):
            is_same = y < len(before) and before[y].row == row
            if is_same and (not row or 1 not in changed[row[0].position : row[-1].position + 1]):
                self._painted.append(before[y])
            else:
                self._painted.append(_PaintedRow(row, paint_row(row, tokens, self._glyphs)))
