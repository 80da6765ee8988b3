"""Rows of tokens -> pieces of text with the name of a style. No textual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from dgchat.ui.widgets.canvas_layout import Row, Slot, fit
from dgchat.ui.widgets.canvas_states import DrawnToken, State

MAX_NOISE_CELLS = 12
"""Unknown tokens can be twenty cells wide; their noise is not."""

SETTLE_BARS = "▏▎▍▌"
"""A row's settle bar, from nothing settled to all; it ends as the gutter of a finished message."""

_RULE_CELLS = 24

_SCATTER = 2_654_435_761
"""A multiplier whose products look random in their middle bits."""

Painted = tuple[tuple[str, str], ...]
"""Pieces of one row, each with the name of its style."""

NameStyle = Callable[[int, DrawnToken], str]
"""The name of the style that the token at a position is drawn in."""


def style_name(position: int, token: DrawnToken) -> str:
    """The style of a token by its state alone."""
    if token.state is State.NOISE:
        return "noise"
    if token.is_past_end:
        return "past-end"
    if token.state is State.DRAFT:
        return "overturned" if token.is_overturned else f"draft-{token.level}"
    return token.state.value


def paint_row(
    row: Row,
    tokens: Sequence[DrawnToken],
    glyphs: str,
    *,
    is_frozen: bool = False,
    name_style: NameStyle = style_name,
) -> Painted:
    """Settle bar and text of one row; a row that was laid out for more tokens draws those that are left."""
    drawn = [slot for slot in row if slot.position < len(tokens)]
    settled = sum(tokens[slot.position].state in (State.SETTLED, State.FRESH) for slot in drawn)
    bar = SETTLE_BARS[(len(SETTLE_BARS) - 1) * settled // max(1, len(drawn))]
    pieces = [("gutter", (SETTLE_BARS[-1] if is_frozen else bar) + " ")]
    for slot in drawn:
        token = tokens[slot.position]
        text = fit(token.text, slot.start, slot.width)
        if token.state is State.NOISE and not text.isspace():
            text = _noise(slot, sum(map(ord, token.text)), glyphs)
        pieces.append((name_style(slot.position, token), text))
    return tuple(
        (name, "".join(text for _, text in group))
        for name, group in groupby(pieces, key=lambda piece: piece[0])
    )


def paint_rule(width: int) -> Painted:
    """What stands between a finished canvas and the next."""
    return ("gutter", SETTLE_BARS[-1]), ("rule", " " + "┄" * min(width, _RULE_CELLS))


def as_settled(token: DrawnToken) -> DrawnToken:
    """The token as part of a finished canvas."""
    return replace(token, state=State.SETTLED, is_overturned=False)


def clipped(token: DrawnToken) -> DrawnToken:
    """The token, its noise no wider than MAX_NOISE_CELLS."""
    if token.state is not State.NOISE or token.width <= MAX_NOISE_CELLS:
        return token
    return replace(token, text=fit(token.text, 0, MAX_NOISE_CELLS), width=MAX_NOISE_CELLS)


def _noise(slot: Slot, seed: int, glyphs: str) -> str:
    first = seed + slot.position * 7 + slot.start
    cells = (((first + cell) * _SCATTER >> 16) % len(glyphs) for cell in range(slot.width))
    return "".join(glyphs[cell] for cell in cells)
