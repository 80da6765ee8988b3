"""What is written in fewer bytes draws the same."""

from __future__ import annotations

import re
from random import Random

import pytest
from rich.cells import cell_len

from dgchat.ui.fewer_bytes import Picture, fewer_bytes

STYLES = ("38;2;1;2;3;48;2;9;9;9", "1;38;2;4;5;6;48;2;9;9;9", "3;31;48;2;9;9;9", "4;48;2;9;9;9", "2;7;92", "")
WORDS = ("tide", "   ", " ", "世界", "░▒▓", "é", "e\u0301", "🦊", "a b", "▌")
SEQUENCE = re.compile(r"\x1b\[([0-9;]*)([mH])")
OFF = {22: {1, 2}, 23: {3}, 24: {4}, 27: {7}}


class Screen:
    """A terminal that knows as much as is needed: places, styles, and letters of one or two cells."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, object]] = {}
        self.row = self.column = 0
        self.attributes: set[int] = set()
        self.colours = {38: "", 48: ""}

    def write(self, text: str) -> None:
        end = 0
        for match in SEQUENCE.finditer(text):
            self._put(text[end : match.start()])
            end = match.end()
            if match[2] == "H":
                self.row, self.column = map(int, match[1].split(";"))
            else:
                self._style(match[1].split(";"))
        self._put(text[end:])

    def _put(self, text: str) -> None:
        for letter in text.replace("\n", ""):
            width = cell_len(letter)
            if width == 0:
                before, style = self.cells[self.row, self.column - 1]
                self.cells[self.row, self.column - 1] = before + letter, style
            for cell in range(width):
                self.cells[self.row, self.column + cell] = letter if cell == 0 else "", self._shown(letter)
            self.column += width

    def _shown(self, letter: str) -> object:
        """What can be seen of the style: nothing of the letter's colour where there is no letter."""
        if letter == " " and not self.attributes & {4, 7}:
            return self.colours[48]
        return frozenset(self.attributes), self.colours[38], self.colours[48]

    def _style(self, codes: list[str]) -> None:
        while codes:
            code = int(codes.pop(0) or 0)
            if code == 0:
                self.attributes, self.colours = set(), {38: "", 48: ""}
            elif code in (38, 48):
                self.colours[code] = ";".join(codes[:4])
                del codes[:4]
            elif code in OFF:
                self.attributes -= OFF[code]
            elif code >= 30:
                self.colours[48 if code // 10 in (4, 10) else 38] = "" if code in (39, 49) else str(code)
            else:
                self.attributes.add(code)


def picture(draw: Random, rows: dict[int, list[tuple[str, str]]]) -> str:
    """As textual writes one: each row at its place, each run in its style, and reset after it."""
    written = ""
    for row in sorted(draw.sample(range(8), draw.randint(1, 8))):
        runs = rows[row]
        for place in range(len(runs)):
            if draw.random() < 0.3:
                runs[place] = draw.choice(STYLES), draw.choice(WORDS)
        styled = (f"\x1b[{style}m{text}\x1b[0m" if style else text for style, text in runs)
        written += f"\x1b[{row + 1};3H" + "".join(styled) + "\n"
    return written + "\x1b[1;1H"


@pytest.mark.parametrize("seed", range(20))
def test_a_sequence_of_pictures_looks_the_same_in_fewer_bytes(seed):
    draw = Random(seed)
    rows = {row: [(draw.choice(STYLES), draw.choice(WORDS)) for _ in range(9)] for row in range(8)}
    whole, thrifty, last = Screen(), Screen(), Picture()
    num_whole = num_thrifty = 0
    for _ in range(30):
        written = picture(draw, rows)
        shorter = last.update(written)
        num_whole, num_thrifty = num_whole + len(written), num_thrifty + len(shorter)
        whole.write(written)
        thrifty.write(shorter)
        assert thrifty.cells == whole.cells
        assert not thrifty.attributes
    assert num_thrifty < 0.8 * num_whole


def test_what_was_forgotten_is_sent_whole():
    last = Picture()
    written = "\x1b[1;1H\x1b[31mone\x1b[0mtwo"
    first = last.update(written)
    assert last.update(written) != first
    last.forget()
    assert last.update(written) == first


def test_a_row_with_wide_letters_is_sent_from_the_letters_on():
    last = Picture()
    last.update("\x1b[1;1H\x1b[31mone\x1b[32m世界\x1b[33mtwo")
    assert "世界" in last.update("\x1b[1;1H\x1b[31mone\x1b[32m世界\x1b[33mnew")


@pytest.mark.parametrize("text", ["", "plain", "\x1b[?1049h", "\x1b]52;c;aGk=\x07", "a\x1b[2Jb"])
def test_what_is_no_style_passes_as_it_is(text):
    assert fewer_bytes(text) == text
