"""Beside a live canvas on a wide terminal: its entropy, what has settled, and whose mind was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from rich.cells import cell_len

from dgchat.safe_text import visible
from dgchat.ui.widgets.canvas_layout import fit
from dgchat.ui.widgets.canvas_paint import TOKEN_CLASSES, style_name
from dgchat.ui.widgets.drawn_token import DrawnToken
from dgchat.ui.widgets.entropy_curve import entropy_curve
from dgchat.ui.widgets.styled_rows import StyledRow, StyledRows

REDRAW_SECONDS = 0.4
"""The panel is drawn at most this often: it is looked at, not watched."""

PANEL_CLASS = "-spacious"
"""The class of a screen that is wide enough for the panel."""

CURVE_ROWS = 4
MIND_ROWS = 4
_ARROW = " → "
_MAP_GLYPHS = {"settled": "■", "fresh": "■", "noise": "·", "overturned": "×", "past-end": " "}
_DRAFT_GLYPH = "□"


@dataclass(frozen=True, slots=True)
class PanelView:
    """What the panel shows of one step."""

    title: str
    """Which canvas."""
    max_steps: int
    entropies: Sequence[float]
    """Nats, mean of each step so far of the canvas."""
    tokens: Sequence[DrawnToken]
    minds: Sequence[str]
    """What the token that was overturned last has been, one after the other; empty if none was."""
    num_overturned: int
    figures: Sequence[str]
    """Rates, each with its name."""


class CanvasPanel(StyledRows):
    """Follows the answer that is being drawn, and keeps its last picture."""

    STYLES = "live-canvas"
    BLANK_STYLE = "muted"
    COMPONENT_CLASSES: ClassVar[set[str]] = TOKEN_CLASSES | {"live-canvas--gutter", "live-canvas--muted"}

    def __init__(self) -> None:
        super().__init__()
        self._view: PanelView | None = None
        self._drawn_at = float("-inf")

    def follow(self, view: Callable[[], PanelView], now: float, *, at_once: bool = False) -> None:
        """Show a step, unless another one was shown a moment ago."""
        if at_once or now - self._drawn_at >= REDRAW_SECONDS:
            self._drawn_at, self._view = now, view()
            self.set_class(True, "-used")
            self._draw()

    def clear(self) -> None:
        """Leave the screen: there is no answer."""
        self._view = None
        self.set_class(False, "-used")

    def on_resize(self) -> None:
        """Draw it for the new width."""
        super().on_resize()
        self._draw()

    def _draw(self) -> None:
        if self._view is not None and self.size.width:  # a narrow terminal has no room for it
            self.show(list(panel_rows(self._view, self.size.width)))


def panel_rows(view: PanelView, width: int) -> Iterator[StyledRow]:
    """Curve, map, minds and figures in so many cells."""
    yield _words(view.title, width)
    yield ()
    yield _words(f"entropy {view.entropies[-1]:.2f} nats" if view.entropies else "entropy", width)
    for row in entropy_curve(view.entropies, view.max_steps, width, CURVE_ROWS):
        yield (("gutter", row),) if row else ()
    yield ()
    yield _words("settle map", width)
    for begin in range(0, len(view.tokens), width):
        yield _map_row(view.tokens[begin : begin + width])
    yield ()
    if view.minds:
        yield _words(f"{view.num_overturned} overturned, the last", width)
        for row in _mind_rows(view.minds, width):
            yield (("settled", row),)
        yield ()
    for figure in view.figures:
        yield _words(figure, width)


def _words(text: str, width: int) -> StyledRow:
    return (("muted", fit(text, 0, width).rstrip()),)


def _map_row(tokens: Sequence[DrawnToken]) -> StyledRow:
    """One glyph per token; the states differ by glyph, not by colour alone."""
    named = ((style_name(0, token), token) for token in tokens)
    return tuple(
        (name, _MAP_GLYPHS.get(name, _DRAFT_GLYPH) * len(list(group)))
        for name, group in groupby(named, key=lambda pair: pair[0])
    )


def _mind_rows(minds: Sequence[str], width: int) -> list[str]:
    """The latest changes, as many as there is room for, broken between words."""
    texts = [visible(text, newlines=False).strip() or "␣" for text in minds]
    rows: list[str] = [""]
    for number, text in enumerate(texts):
        shown = fit(text, 0, min(cell_len(text), width - cell_len(_ARROW)))
        piece = shown if number == 0 else _ARROW.lstrip() + shown
        gap = " " if rows[-1] else ""
        if cell_len(rows[-1] + gap + piece) > width:
            rows.append(piece)
        else:
            rows[-1] += gap + piece
    return rows[-MIND_ROWS:]
