"""A canvas as lines of text; with bold, dim and italic only, which NO_COLOR and every theme allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TextIO

from dgchat.engine.events import CanvasStep
from dgchat.one_shot.printer import Line
from dgchat.ui.widgets.canvas_layout import Row, Slot, fit, lay_out
from dgchat.ui.widgets.canvas_states import NOISE_CELL, CanvasStates, DrawnToken, State

ENTROPY_LEVELS = (0.01, 0.1, 0.5, 1.3)
"""Nats between the levels; above the last a token is noise."""

NOISE_GLYPHS = "░▒▓"
PLAIN_NOISE_GLYPHS = ".:;"
"""For terminals whose encoding has no shades."""

LAYOUT_SECONDS = 0.15
"""Lines are broken anew no more often than this; between, a changed token keeps its place."""

_DIM, _UNDERLINE = "2", "4"
_ATTRIBUTES = {State.SETTLED: "", State.FRESH: "1", State.DRAFT: "2;3", State.NOISE: _DIM}


def noise_glyphs_for(stream: TextIO) -> str:
    """The glyphs that can be written there."""
    try:
        NOISE_GLYPHS.encode(stream.encoding)
    except UnicodeEncodeError:
        return PLAIN_NOISE_GLYPHS
    return NOISE_GLYPHS


class CanvasLines:
    """Follows the canvases of one answer; finished ones stand as plain text above the live one."""

    def __init__(self, noise_glyphs: str = NOISE_GLYPHS) -> None:
        self._noise_glyphs = noise_glyphs
        self._finished: list[tuple[DrawnToken, ...]] = []
        self._states = CanvasStates(ENTROPY_LEVELS)
        self._step: CanvasStep | None = None
        self._rows: tuple[Row, ...] = ()
        self._layout_key: tuple[int, int, int] | None = None
        self._laid_out_at = 0.0

    def observe(self, step: CanvasStep, now: float) -> None:
        """Take in the next step; every one, also those that are not drawn."""
        if self._step is not None and step.canvas_index != self._step.canvas_index:
            self._finished.append(self._states.tokens(now))
            self._states = CanvasStates(ENTROPY_LEVELS)
        self._step = step
        self._states.observe(step, now)

    def lines(self, width: int, now: float) -> list[Line]:
        """The answer so far, in lines of at most `width` cells."""
        frozen = [_plain_line(row, tokens) for tokens in self._finished for row in lay_out(tokens, width)]
        tokens = self._states.tokens(now)
        return frozen + [self._line(row, tokens) for row in self._laid_out(tokens, width, now)]

    @property
    def settled_fraction(self) -> float:
        """Of the live canvas, 0 to 1."""
        return self._states.settled_fraction

    def _laid_out(self, tokens: Sequence[DrawnToken], width: int, now: float) -> tuple[Row, ...]:
        key = (len(self._finished), len(tokens), width)
        if key != self._layout_key or now - self._laid_out_at >= LAYOUT_SECONDS:
            self._rows, self._layout_key, self._laid_out_at = lay_out(tokens, width), key, now
        return self._rows

    def _line(self, row: Row, tokens: Sequence[DrawnToken]) -> Line:
        runs = groupby(row, key=lambda slot: _attributes(tokens[slot.position]))
        text = "".join(
            _with(attributes, "".join(self._text(slot, tokens[slot.position]) for slot in slots))
            for attributes, slots in runs
        )
        return Line(text, _width(row))

    def _text(self, slot: Slot, token: DrawnToken) -> str:
        text = fit(token.text, slot.start, slot.width)
        if token.state is State.NOISE:
            return text.replace(NOISE_CELL, self._noise_glyph(slot.position))
        return text

    def _noise_glyph(self, position: int) -> str:
        step = self._step.step if self._step else 0
        return self._noise_glyphs[(position * 7 + step) % len(self._noise_glyphs)]


def _plain_line(row: Row, tokens: Sequence[DrawnToken]) -> Line:
    text = "".join(fit(tokens[slot.position].text, slot.start, slot.width) for slot in row)
    return Line(text, _width(row))


def _width(row: Row) -> int:
    return sum(slot.width for slot in row)


def _attributes(token: DrawnToken) -> str:
    attributes = _DIM if token.is_past_end else _ATTRIBUTES[token.state]
    return f"{attributes};{_UNDERLINE}".lstrip(";") if token.is_overturned else attributes


def _with(attributes: str, text: str) -> str:
    return f"\x1b[{attributes}m{text}\x1b[0m" if attributes else text
