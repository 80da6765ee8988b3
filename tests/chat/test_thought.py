"""The thought channel, told by token id."""

from __future__ import annotations

import pytest

from dgchat.chat.thought import split_thought
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
