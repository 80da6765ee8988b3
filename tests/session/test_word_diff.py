"""Which words two answers share."""

from __future__ import annotations

from time import monotonic

import pytest

from dgchat.session.word_diff import word_diff


def changed(spans) -> list[str]:
    return [span.text.strip() for span in spans if not span.is_shared]


def test_words_that_only_one_answer_has_are_told():
    diff = word_diff("The tide comes in slowly.", "The tide goes in.")
    assert changed(diff.earlier) == ["comes", "slowly"]
    assert changed(diff.newer) == ["goes"]


@pytest.mark.parametrize("text", ["", " ", "one", "  two\n\nlines \n", "\n"])
def test_the_spans_of_a_side_join_to_its_text(text):
    diff = word_diff(text, "two other lines\n")
    assert "".join(span.text for span in diff.earlier) == text
    assert "".join(span.text for span in diff.newer) == "two other lines\n"


def test_space_between_words_is_no_difference():
    diff = word_diff("one two\nthree", "one  two three")
    assert changed(diff.earlier) == changed(diff.newer) == []
    assert diff.shared_fraction == 1


def test_two_long_answers_are_compared_before_anybody_waits():
    words = [f"w{number % 300}" for number in range(3000)]
    started = monotonic()
    word_diff(" ".join(words), " ".join(reversed(words)))
    assert monotonic() - started < 3
