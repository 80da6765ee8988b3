"""What may reach a terminal, and what becomes a mark."""

from __future__ import annotations

import unicodedata
from random import Random
from time import thread_time

import pytest
from rich.cells import cell_len

from dgchat.safe_text import visible

HOSTILE = (
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\u202eevil\u202c",
    "\u2066x\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "\x00\x7f\x85",
    "\ud800",
    "\U000e0041\U000e0042",
    "\u2028\u2029",
    "a\rb\x0bc\x0cd",
    "\u3164\u115f",
    "\ufdd0\U0003ffff",
    "\ue000",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("newlines", [True, False])
def test_nothing_a_terminal_would_obey_or_hide_is_left(text, newlines):
    shown = visible(text, newlines=newlines)
    categories = {unicodedata.category(character) for character in shown}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()


def test_each_steering_character_becomes_one_mark_of_one_cell():
    assert visible("\x1b[31m") == "␛[31m"
    assert cell_len(visible("\x1b\u202e\u200b\x7f")) == 4


def test_ordinary_writing_of_many_scripts_stays_letter_for_letter():
    text = "Grüße, мир, 世界, สวัสดี, नमस्ते, שלום, مرحبا, 👍🎉 e\u0301 → ░▒▓ [bold]x[/]"
    assert visible(text) == text


def test_newlines_stay_and_tabs_become_spaces_where_text_may_have_lines():
    assert visible("a\n\tb") == "a\n    b"
    assert visible("a\n\tb", newlines=False) == "a␊␉b"


def test_modifiers_whose_width_terminals_disagree_about_are_left_out():
    assert visible("❤\ufe0f 👍🏽") == "❤ 👍"


@pytest.mark.parametrize("newlines", [True, False])
def test_it_is_idempotent_and_works_character_by_character(newlines):
    random = Random(7)
    alphabet = "".join(HOSTILE) + "abc [/]\n\té世🎉"
    for _ in range(300):
        text = "".join(random.choices(alphabet, k=random.randrange(30)))
        shown = visible(text, newlines=newlines)
        cut = random.randrange(len(text) + 1)
        assert visible(shown, newlines=newlines) == shown
        assert visible(text[:cut], newlines=newlines) + visible(text[cut:], newlines=newlines) == shown


def test_a_million_characters_take_a_moment():
    text = "The tide comes in, the tide goes out; прилив und Flut.\n" * 18_200
    visible(text[:100])
    best = min(_seconds(text) for _ in range(5))
    assert best < 0.05


def _seconds(text: str) -> float:
    started = thread_time()
    visible(text)
    return thread_time() - started
