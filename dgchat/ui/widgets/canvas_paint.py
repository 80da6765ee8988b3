"""Rows of tokens -> pieces of text with the name of a style. No textual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dgchat.ui.widgets.canvas_layout import Row, Slot, fit
from dgchat.ui.widgets.canvas_states import NOISE_CELL
from dgchat.ui.widgets.drawn_token import DrawnToken, State

SETTLE_BARS = "▏▎▍▌"
"""A row's settle bar, from nothing settled to all; it ends as the gutter of a finished message."""

_RULE_CELLS = 24

_SCATTER = 2_654_435_761
"""A multiplier whose products look random in their middle bits."""

Painted = tuple[tuple[str, str], ...]
"""Pieces of one row, each with the name of its style; the first is the gutter with the settle bar."""

NameStyle = Callable[[int, DrawnToken], str]
"""The name of the style that the token at a position is drawn in."""


_DRAFTS = ("draft-0", "draft-1", "draft-2", "draft-3")

TOKEN_CLASSES = {
    f"live-canvas--{name}" for name in ("settled", "fresh", *_DRAFTS, "overturned", "past-end", "noise")
}
"""The stylesheet's class of every name that `style_name` gives."""


def style_name(position: int, token: DrawnToken) -> str:
    """The style of a token by its state alone."""
    if token.state is State.NOISE:
        return "noise"
    if token.is_past_end or token.is_aside:
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
    runs: list[tuple[str, str]] = []
    num_slots = num_settled = 0
    for slot in row:
        if slot.position >= len(tokens):
            break
        token = tokens[slot.position]
        num_slots += 1
        num_settled += token.breaks_lines
        is_whole = slot.start == 0 and slot.width == token.width and "\n" not in token.text
        text = token.text if is_whole else fit(token.text, slot.start, slot.width)
        if token.state is State.NOISE:
            text = _noise(text, slot, glyphs)
        name = name_style(slot.position, token)
        if runs and runs[-1][0] == name:
            runs[-1] = name, runs[-1][1] + text
        else:
            runs.append((name, text))
    level = (len(SETTLE_BARS) - 1) * num_settled // max(1, num_slots)
    return (("gutter", SETTLE_BARS[-1 if is_frozen else level] + " "), *runs)


def paint_rule(width: int) -> Painted:
    """What stands between a finished canvas and the next."""
    return ("gutter", SETTLE_BARS[-1] + " "), ("rule", "┄" * min(width, _RULE_CELLS))


def as_settled(token: DrawnToken) -> DrawnToken:
    """The token as part of a finished canvas."""
    return replace(token, state=State.SETTLED, is_overturned=False)


def _noise(text: str, slot: Slot, glyphs: str) -> str:
    """The glyphs, scattered over the cells of noise; a slot's are always the same."""
    if NOISE_CELL not in text:
        return text
    first = slot.position * 7 + slot.start
    return "".join(
        glyphs[((first + cell) * _SCATTER >> 16) % len(glyphs)] if shown == NOISE_CELL else shown
        for cell, shown in enumerate(text)
    )
