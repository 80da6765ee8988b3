"""The answer while it is being denoised, drawn row by row with the Line API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, zip_longest
from time import monotonic
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from dgchat.engine.events import CanvasStep
from dgchat.ui.theme import ChatTheme
from dgchat.ui.widgets.canvas_layout import Row, Slot, fit, lay_out
from dgchat.ui.widgets.canvas_states import FRESH_SECONDS, NOISE_CELL, CanvasStates
from dgchat.ui.widgets.drawn_token import DrawnToken, State

REWRAP_SECONDS = 0.15
"""Lines are broken anew at most this often; in between a changed token keeps the slot of the old one."""

GROW_ROWS = 2
"""The widget grows by this many rows at a time, so that the page moves seldom."""

GUTTER = 2
"""Cells left of the text: the settle bar and a space."""

MARGIN = 1
"""Cells right of the text."""

SETTLE_BARS = "▏▎▍▌"
"""A row's settle bar, from nothing settled to all; it ends as the gutter of a finished message."""

_SCATTER = 2_654_435_761
"""A multiplier whose products look random in their middle bits."""

Painted = tuple[tuple[str, str], ...]
"""Pieces of one row, each with the name of its style."""


class LiveCanvas(Widget):
    """Finished canvases as plain text, a thin rule after each, and the canvas that is being denoised."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "live-canvas--settled",
        "live-canvas--fresh",
        "live-canvas--draft-0",
        "live-canvas--draft-1",
        "live-canvas--draft-2",
        "live-canvas--draft-3",
        "live-canvas--overturned",
        "live-canvas--past-end",
        "live-canvas--noise",
        "live-canvas--rule",
        "live-canvas--gutter",
    }

    def __init__(self, theme: ChatTheme) -> None:
        super().__init__()
        self._levels = theme.entropy_levels
        self._glyphs = theme.noise_glyphs
        self._states = CanvasStates(self._levels)
        self._canvas_index = 0
        self._finished: list[list[DrawnToken]] = []
        self._above: list[Painted] = []
        self._painted: list[Painted] = []
        self._strips: list[Strip | None] = []
        self._styles: dict[str, Style] = {}
        self._layout: tuple[Row, ...] = ()
        self._laid_out_at = self._drawn_at = float("-inf")
        self._laid_out_width = 0
        self._num_rows = 0
        self.num_drawn_steps = 0
        """Steps that were put on the screen."""

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

    def render_line(self, y: int) -> Strip:
        """One row: kept strips are reused until their row changes."""
        if y >= len(self._painted):
            return self._strip((("gutter", SETTLE_BARS[0]),) if self._painted else ())
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._strip(self._painted[y])
        return strip

    def notify_style_update(self) -> None:
        """Forget styles and strips: the colours have changed."""
        super().notify_style_update()
        self._styles.clear()
        self._strips = [None] * len(self._painted)

    def on_resize(self) -> None:
        """Break the lines anew for the new width."""
        if self._laid_out_width == self.text_width or not self._painted:
            return
        self._above = [row for tokens in self._finished for row in self._paint_finished(tokens)]
        self._draw(monotonic())

    def _begin_canvas(self, canvas_index: int, now: float) -> None:
        tokens = self._states.tokens(now + REWRAP_SECONDS)
        settled = [_as_settled(token) for token in tokens if not token.is_past_end]
        self._finished.append(settled)
        self._above += self._paint_finished(settled)
        self._states = CanvasStates(self._levels)
        self._canvas_index = canvas_index
        self._laid_out_width = 0

    def _paint_finished(self, tokens: Sequence[DrawnToken]) -> list[Painted]:
        rows = [self._paint_row(row, tokens, is_frozen=True) for row in lay_out(tokens, self.text_width)]
        rule = "┄" * min(self.text_width, 24)
        return [*rows, (("gutter", SETTLE_BARS[-1]), ("rule", " " + rule))]

    def _draw(self, now: float) -> None:
        self._drawn_at = now
        tokens = self._states.tokens(now)
        self._states.forget_fresh(now)
        self._lay_out(tokens, now)
        rows = [self._paint_row(row, tokens) for row in self._layout]
        self._show([*self._above, *rows])

    def _lay_out(self, tokens: Sequence[DrawnToken], now: float) -> None:
        is_same_width = self._laid_out_width == self.text_width
        if is_same_width and now - self._laid_out_at < REWRAP_SECONDS:
            return
        self._layout = lay_out(tokens, self.text_width, self._layout if is_same_width else ())
        self._laid_out_at, self._laid_out_width = now, self.text_width

    def _paint_row(self, row: Row, tokens: Sequence[DrawnToken], is_frozen: bool = False) -> Painted:
        drawn = [slot for slot in row if slot.position < len(tokens)]
        settled = sum(tokens[slot.position].state in (State.SETTLED, State.FRESH) for slot in drawn)
        bar = SETTLE_BARS[(len(SETTLE_BARS) - 1) * settled // max(1, len(drawn))]
        pieces = [("gutter", (SETTLE_BARS[-1] if is_frozen else bar) + " ")]
        for slot in drawn:
            token = tokens[slot.position]
            text = fit(token.text, slot.start, slot.width)
            if token.state is State.NOISE:
                text = self._noise(text, slot)
            pieces.append((_style_name(token), text))
        return tuple(
            (name, "".join(text for _, text in group))
            for name, group in groupby(pieces, key=lambda piece: piece[0])
        )

    def _noise(self, text: str, slot: Slot) -> str:
        """The theme's glyphs, scattered over the cells of noise; a slot's are always the same."""
        if NOISE_CELL not in text:
            return text
        first = slot.position * 7 + slot.start
        return "".join(
            self._glyphs[((first + cell) * _SCATTER >> 16) % len(self._glyphs)] if shown == NOISE_CELL else shown
            for cell, shown in enumerate(text)
        )

    def _show(self, painted: list[Painted]) -> None:
        before, self._painted = self._painted, painted
        changed = [y for y, (old, new) in enumerate(zip_longest(before, painted)) if old != new]
        self._strips += [None] * (len(painted) - len(self._strips))
        for y in changed:
            self._strips[y] = None
        if len(painted) > self._num_rows:
            self._num_rows = max(len(painted), self._num_rows + GROW_ROWS)
            self.styles.height = self._num_rows
        elif changed:
            # a region up to the widget's edge makes textual redraw what stands beyond it
            self.refresh(*(Region(0, y, self.size.width - MARGIN, 1) for y in changed))

    def _strip(self, painted: Painted) -> Strip:
        """The row as wide as the widget; the rest of it continues the last style, which saves bytes."""
        used = sum(cell_len(text) for _, text in painted)
        rest = " " * max(0, self.size.width - used)
        name, text = painted[-1] if painted else ("settled", "")
        tail = [(name, text + rest)] if name != "overturned" else [(name, text), ("settled", rest)]
        segments = [Segment(text, self._style(name)) for name, text in (*painted[:-1], *tail)]
        return Strip(segments, used + len(rest))

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"live-canvas--{name}")
        return self._styles[name]


def _style_name(token: DrawnToken) -> str:
    if token.state is State.NOISE:
        return "noise"
    if token.is_past_end:
        return "past-end"
    if token.state is State.DRAFT:
        return "overturned" if token.is_overturned else f"draft-{token.level}"
    return token.state.value


def _as_settled(token: DrawnToken) -> DrawnToken:
    return replace(token, state=State.SETTLED, is_overturned=False)
