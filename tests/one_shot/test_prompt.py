"""Prompts in parts, templates and chats out of files."""

from __future__ import annotations

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from dgchat.engine.events import ChatMessage
from dgchat.errors import UsageError
from dgchat.one_shot.messages import read_messages
from dgchat.one_shot.prompt import fill_template, join_parts


def stdin(text: str = "piped\n") -> TextIOWrapper:
    return TextIOWrapper(BytesIO(text.encode()))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A file with a name that a shell would not need to quote."""
    file = tmp_path / "notes.txt"
    file.write_text("from the file\n", encoding="utf-8")
    return file


def test_parts_are_joined_in_the_order_they_are_given(notes: Path) -> None:
    parts = ["first", f"@{notes}", "-", "last"]
    assert join_parts(parts, stdin()) == "first\n\nfrom the file\n\npiped\n\nlast"
    assert join_parts(list(reversed(parts)), stdin()).startswith("last\n\npiped")


def test_a_single_part_is_left_as_it_is(notes: Path) -> None:
    assert join_parts(["-"], stdin("  two\n\n")) == "  two\n\n"
    assert join_parts([f"@{notes}"], None) == "from the file\n"


def test_a_file_with_spaces_in_its_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "my notes").write_text("hello", encoding="utf-8")
    assert join_parts([f"@{tmp_path}/my notes"], None) == "hello"


@pytest.mark.parametrize("text", ["@alice, are you there?", "write to me@example.org", "@"])
def test_an_at_sign_is_not_always_a_file(text: str) -> None:
    assert join_parts([text], None) == text


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["@/no/such/file"], "/no/such/file cannot be read"),
        (["@/"], "cannot be read"),
        (["-", "-"], "only once"),
        (["look", "@cat.png"], "images"),
        (["caf\udce9"], "UTF-8"),
    ],
)
def test_a_part_that_cannot_be_read_is_named(parts: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        join_parts(parts, stdin())


def test_a_binary_file_is_no_prompt(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\x7fELF\xff")
    with pytest.raises(UsageError, match=r"x\.bin is not UTF-8"):
        join_parts([f"@{tmp_path}/x.bin"], None)


def test_a_template_takes_the_prompt_and_leaves_other_braces() -> None:
    assert fill_template('{"a": 1} {input} {input} {}', "{input}!") == '{"a": 1} {input}! {input}! {}'


def test_a_template_without_a_place_for_the_prompt_is_refused() -> None:
    with pytest.raises(UsageError, match="has no"):
        fill_template("Summarise:", "text")


CHAT = [
    {"role": "system", "content": "Rhyme."},
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "hi"},
    {"role": "user", "content": "and?"},
]


@pytest.mark.parametrize("shape", [CHAT, {"model": "x", "messages": CHAT}])
def test_a_chat_is_read_from_a_file_or_from_stdin(tmp_path: Path, shape: object) -> None:
    (tmp_path / "chat.json").write_text(json.dumps(shape), encoding="utf-8")
    expected = tuple(ChatMessage(one["role"], one["content"]) for one in CHAT)
    assert read_messages(str(tmp_path / "chat.json"), None) == expected
    assert read_messages("-", stdin(json.dumps(shape))) == expected


@pytest.mark.parametrize(
    ("chat", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no list of messages"),
        ('{"prompt": "x"}', "no list of messages"),
        ("[3]", "message 1 has no role"),
        ('[{"role": "user"}]', "message 1 has no role"),
        ('[{"role": "user", "content": [{"type": "image"}]}]', "message 1"),
        ('[{"role": "tool", "content": "x"}]', "role of message 1 is 'tool'"),
        ('[{"role": "assistant", "content": "x"}]', "message 1 is the assistant's"),
        (json.dumps(CHAT[:3]), "last message is the assistant's"),
        (json.dumps(CHAT[:1]), "last message is the system's"),
        (json.dumps([CHAT[1], CHAT[1]]), "message 2 is the user's"),
        (json.dumps([*CHAT[:3], CHAT[0]]), "message 4 is the system's"),
        ('[{"role": "user", "content": " "}]', "empty"),
        ('[{"role": "user", "content": "\\ud800"}]', "UTF-8"),
    ],
)
def test_a_chat_that_cannot_be_answered_says_which_message_is_wrong(chat: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_messages("-", stdin(chat))
