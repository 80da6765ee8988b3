"""Tokens -> rows of slots. A slot keeps its place and width while its token changes. No textual."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import get_character_cell_size

from dgchat.ui.widgets.drawn_token import DrawnToken

NEWLINE_GLYPH = "↵"
"""Drawn for a newline that is not settled yet."""

WELL_FILLED = 0.65
"""A row that is filled so far may end where it ended before."""

_RUNS = re.compile(r"\n|[^\S\n]+|\S+")


@dataclass(frozen=True, slots=True)
class Slot:
    position: int
    """Which token of the canvas is drawn here."""
    start: int
    """First cell of the token's text that is drawn."""
    width: int
    """Cells on the screen."""


Row = tuple[Slot, ...]


def lay_out(tokens: Sequence[DrawnToken], width: int, earlier: Sequence[Row] = ()) -> tuple[Row, ...]:
    """Rows of at most `width` cells, broken between words, and at newlines once they are settled.

    A row begins where it began in the `earlier` layout if the row above is well filled by then, so that a word
    that changes moves its own row alone; once everything above has settled a row begins where it is to begin.
    """
    starts = frozenset(row[0].position for row in earlier if row)
    return _Flow(max(1, width), starts).rows_of(tokens)


def fit(text: str, start: int, width: int) -> str:
    """`width` cells of the text from cell `start` on: clipped or padded with spaces."""
    if start == 0 and len(text) == width and text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    cell = used = 0
    for character in text.replace("\n", NEWLINE_GLYPH):
        size = get_character_cell_size(character)
        if cell >= start and used + size <= width:
            shown.append(character)
            used += size
        elif cell >= start:
            break
        cell += size
    return "".join(shown) + " " * (width - used)


class _Flow:
    """Greedy line filling: words are runs of slots without a space between them."""

    def __init__(self, width: int, earlier_starts: frozenset[int]) -> None:
        self._width = width
        self._earlier_starts = earlier_starts
        self._has_settled = True
        self._rows: list[Row] = []
        self._row: list[Slot] = []
        self._spaces: list[Slot] = []
        self._word: list[Slot] = []
        self._keeps_indent = False

    def rows_of(self, tokens: Sequence[DrawnToken]) -> tuple[Row, ...]:
        for position, token in enumerate(tokens):
            self._add(position, token)
        self._end_word()
        if self._row:
            self._end_row()
        return tuple(self._rows)

    def _add(self, position: int, token: DrawnToken) -> None:
        self._has_settled = self._has_settled and token.breaks_lines
        start = 0
        for run in _RUNS.findall(token.text):
            width = _width(run)
            slot = Slot(position, start, width)
            start += width
            if run == "\n" and token.breaks_lines:
                self._end_word()
                self._end_row(keeps_indent=True)
            elif run.isspace() and run != "\n":
                self._end_word()
                self._spaces.append(slot)
            else:
                self._word.append(slot)

    def _end_word(self) -> None:
        if not self._word:
            return
        if self._row and not self._takes_word():
            self._end_row()
        if self._row or (self._keeps_indent and _total(self._spaces) < self._width):
            self._row += self._spaces
        self._spaces = []
        for slot in self._word:
            self._place(slot)
        self._word = []

    def _takes_word(self) -> bool:
        filled = _total(self._row)
        if filled + _total(self._spaces) + _total(self._word) > self._width:
            return False
        begins_a_row = not self._has_settled and self._word[0].position in self._earlier_starts
        return not begins_a_row or filled < WELL_FILLED * self._width

    def _place(self, slot: Slot) -> None:
        while slot.width:
            room = self._width - _total(self._row)
            if room <= 0 or (self._row and room < slot.width <= self._width):
                self._end_row()
                continue
            part = min(room, slot.width)
            self._row.append(Slot(slot.position, slot.start, part))
            slot = Slot(slot.position, slot.start + part, slot.width - part)

    def _end_row(self, keeps_indent: bool = False) -> None:
        self._rows.append(tuple(self._row))
        self._row, self._spaces, self._keeps_indent = [], [], keeps_indent


def _width(text: str) -> int:
    return 1 if text == "\n" else sum(map(get_character_cell_size, text))


def _total(slots: Sequence[Slot]) -> int:
    return sum(slot.width for slot in slots)
