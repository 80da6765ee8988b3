"""The thought channel, told by token id."""

from __future__ import annotations

import pytest

from dgchat.chat.thought import ends_inside_thought, mark_thought, split_thought
from dgchat.chat.tokenizer import ChatTokenizer
from tiny import END_OF_TURN, tokenizer_json


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return ChatTokenizer.from_json(tokenizer_json(), [1, END_OF_TURN])


def split(tokenizer: ChatTokenizer, rendered: str) -> tuple[str, str]:
    return split_thought(tokenizer.encode(rendered, "\ue000"), tokenizer)


@pytest.mark.parametrize(
    ("rendered", "thought", "answer"),
    [
        ("Hello there. ", "", "Hello there."),
        ("<|channel>thought\nLet me see.<channel|>Paris.", "Let me see.", "Paris."),
        ("<|channel>thought\n<channel|>Paris.", "", "Paris."),
        ("<|channel>thought\nLet me", "Let me", ""),
        ("So: <|channel>why<channel|>then<|channel> not<channel|>.", "why\nnot", "So: then."),
        ("<|channel>thought\na<channel|>x<|channel>thought\nb<channel|>", "a\nb", "x"),
        ("a<channel|>b", "", "ab"),
        ("", "", ""),
    ],
    ids=["none", "closed", "empty", "unclosed", "two", "two labelled", "stray", "nothing"],
)
def test_a_channel_is_thought_and_all_else_is_answer(
    tokenizer: ChatTokenizer, rendered: str, thought: str, answer: str
):
    assert split(tokenizer, rendered) == (thought, answer)


def test_a_channel_that_is_only_spelled_out_is_answer(tokenizer: ChatTokenizer):
    (guarded,), mark = tokenizer.guard(["<|channel>x<channel|>"])
    assert split_thought(tokenizer.encode(guarded, mark), tokenizer) == ("", "<|channel>x<channel|>")


@pytest.mark.parametrize(
    ("rendered", "inside", "is_open"),
    [
        ("<|channel>x<channel|>", False, False),
        ("<|channel>x", False, True),
        ("x<channel|>", True, False),
    ],
)
def test_the_markers_belong_to_the_thought_that_they_enclose(tokenizer, rendered, inside, is_open):
    ids = tokenizer.encode(rendered + "yy", "\ue000")[: -len(tokenizer.encode("yy", "\ue000"))]
    assert set(mark_thought(ids, tokenizer, inside)) == {1}
    if not inside:
        assert ends_inside_thought(ids, tokenizer) is is_open


def test_an_answer_without_thought_has_no_marks(tokenizer: ChatTokenizer):
    assert mark_thought(tokenizer.encode("Hello there.", "\ue000"), tokenizer) == b""
