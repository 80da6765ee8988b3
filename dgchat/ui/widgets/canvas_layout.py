"""Tokens -> rows of slots. A slot keeps its place and width while its token changes. No textual."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import get_character_cell_size

from dgchat.ui.widgets.drawn_token import DrawnToken

NEWLINE_GLYPH = "↵"
"""Drawn for a newline that is not settled yet."""

WELL_FILLED = 0.65
"""A row that is filled so far may end where it ended before."""

_RUNS = re.compile(r"\n|[^\S\n]+|\S+")


class Slot(NamedTuple):
    position: int
    """Which token of the canvas is drawn here."""
    start: int
    """First cell of the token's text that is drawn."""
    width: int
    """Cells on the screen."""


Row = tuple[Slot, ...]


def lay_out(tokens: Sequence[DrawnToken], width: int, earlier: Sequence[Row] = ()) -> tuple[Row, ...]:
    """Rows of at most `width` cells, broken between words, and at newlines once they are settled.

    A row begins where it began in the `earlier` layout if the row above is well filled by then, so that a
    word that changes moves its own row alone; what has only settled text above it begins where it will stay.
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
        self._filled = self._space_cells = self._word_cells = 0
        self._keeps_indent = False

    def rows_of(self, tokens: Sequence[DrawnToken]) -> tuple[Row, ...]:
        for position, token in enumerate(tokens):
            self._add(position, token)
        self._end_word()
        if self._row:
            self._end_row()
        return tuple(self._rows)

    def _add(self, position: int, token: DrawnToken) -> None:
        breaks_lines = token.breaks_lines
        self._has_settled = self._has_settled and breaks_lines
        for kind, start, width in _runs_of(token.text):
            if kind == "\n" and breaks_lines:
                self._end_word()
                self._end_row(keeps_indent=True)
            elif kind == " ":
                self._end_word()
                self._spaces.append(Slot(position, start, width))
                self._space_cells += width
            else:
                self._word.append(Slot(position, start, width))
                self._word_cells += width

    def _end_word(self) -> None:
        if not self._word:
            return
        if self._row and not self._takes_word():
            self._end_row()
        if self._row or (self._keeps_indent and self._space_cells < self._width):
            self._row += self._spaces
            self._filled += self._space_cells
        self._spaces, self._space_cells = [], 0
        for slot in self._word:
            self._place(slot)
        self._word, self._word_cells = [], 0

    def _takes_word(self) -> bool:
        if self._filled + self._space_cells + self._word_cells > self._width:
            return False
        begins_a_row = not self._has_settled and self._word[0].position in self._earlier_starts
        return not begins_a_row or self._filled < WELL_FILLED * self._width

    def _place(self, slot: Slot) -> None:
        while slot.width:
            room = self._width - self._filled
            if room <= 0 or (self._row and room < slot.width <= self._width):
                self._end_row()
                continue
            part = min(room, slot.width)
            self._row.append(Slot(slot.position, slot.start, part))
            self._filled += part
            slot = Slot(slot.position, slot.start + part, slot.width - part)

    def _end_row(self, keeps_indent: bool = False) -> None:
        self._rows.append(tuple(self._row))
        self._row, self._filled, self._keeps_indent = [], 0, keeps_indent
        self._spaces, self._space_cells = [], 0


@lru_cache(maxsize=8192)
def _runs_of(text: str) -> tuple[tuple[str, int, int], ...]:
    """Newlines, blanks and words of a token: what it is (`\\n`, a space, or nothing), first cell, cells."""
    runs: list[tuple[str, int, int]] = []
    start = 0
    for run in _RUNS.findall(text):
        width = 1 if run == "\n" else sum(map(get_character_cell_size, run))
        runs.append(("\n" if run == "\n" else " " if run.isspace() else "", start, width))
        start += width
    return tuple(runs)
