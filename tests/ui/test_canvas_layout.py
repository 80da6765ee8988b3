"""Tokens become rows of slots."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from dgchat.ui.widgets.canvas_layout import fit, lay_out
from dgchat.ui.widgets.canvas_states import DrawnToken, State


def tokens_of(*texts: str, state: State = State.SETTLED) -> list[DrawnToken]:
    return [DrawnToken(text, cell_len(text) + text.count("\n"), state, 0) for text in texts]


def drawn(tokens: list[DrawnToken], width: int) -> list[str]:
    return [
        "".join(fit(tokens[slot.position].text, slot.start, slot.width) for slot in row)
        for row in lay_out(tokens, width)
    ]


def test_lines_break_between_words_not_between_tokens():
    assert drawn(tokens_of(" quan", "tum", " comp", "uters", " hum"), 12) == ["quantum", "computers", "hum"]


def test_spaces_at_a_break_are_dropped():
    assert drawn(tokens_of("one", " two", "   ", "three"), 7) == ["one two", "three"]


def test_a_settled_newline_breaks_the_line_and_keeps_the_indent_after_it():
    assert drawn(tokens_of("if x:", "\n", "    ", "go()"), 20) == ["if x:", "    go()"]
    assert drawn(tokens_of("a", ".\n\n", "b"), 20) == ["a.", "", "b"]


def test_an_unsettled_newline_is_one_mark_in_the_line():
    assert drawn(tokens_of("a", "\n", "b", state=State.DRAFT), 20) == ["a↵b"]


def test_a_word_wider_than_the_line_is_cut():
    assert drawn(tokens_of("abcdefghij"), 4) == ["abcd", "efgh", "ij"]


@pytest.mark.parametrize("width", range(1, 30))
def test_no_row_is_wider_than_the_line(width):
    tokens = tokens_of("There", " was", "世界", " an", "🎉", " extraordinarily", "long", "\n", "  end")
    assert all(sum(slot.width for slot in row) <= width for row in lay_out(tokens, width))


@pytest.mark.parametrize("text", ["short", "much too long", "世界世界", "e\u0301e\u0301", "a\nb", ""])
@pytest.mark.parametrize("width", [0, 1, 3, 6])
def test_a_changed_token_fits_the_slot_of_the_old_one(text, width):
    assert cell_len(fit(text, 0, width)) == width
