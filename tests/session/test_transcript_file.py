"""Conversations as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conversations import answer, asked
from dgchat.errors import DgchatError, UsageError
from dgchat.session.conversation import Conversation
from dgchat.session.transcript_file import as_text, file_name, write_conversation


@pytest.fixture
def conversation() -> Conversation:
    made = Conversation(id="abcde", title="The tide")
    first = answer(asked("Why?", id="abcde.1"), "The moon.")
    made.add(first)
    made.add(answer(asked("And then?", first, id="abcde.2"), "It ebbs."))
    made.add(answer(asked("And now?", first, id="abcde.3"), "It flows."))
    return made


def test_markdown_holds_the_branch_that_is_read(conversation: Conversation) -> None:
    text = as_text(conversation, "md")
    assert text.startswith("# The tide\n\n*")
    assert "## You\n\nWhy?\n\n## dgchat\n\n> hm\n\nThe moon.\n" in text
    assert "It flows." in text
    assert "It ebbs." not in text


def test_json_holds_every_branch(conversation: Conversation) -> None:
    turns = json.loads(as_text(conversation, "json"))["turns"]
    assert [(turn["id"], turn["parent"], turn["on_branch"]) for turn in turns] == [
        ("abcde.1", None, True),
        ("abcde.2", "abcde.1", False),
        ("abcde.3", "abcde.1", True),
    ]
    assert turns[0]["settings"]["seed"] == 7


def test_no_file_is_overwritten(conversation: Conversation, tmp_path: Path) -> None:
    written = [write_conversation(conversation, str(tmp_path)) for _ in range(3)]
    assert [path.name for path in written] == ["the-tide.md", "the-tide-2.md", "the-tide-3.md"]
    with pytest.raises(UsageError, match="is there already; nothing was written"):
        write_conversation(conversation, str(written[0]))


@pytest.mark.parametrize(("target", "form"), [("x.txt", ""), ("x", ""), ("x.py", "")])
def test_a_name_without_a_known_format_says_which_there_are(
    conversation: Conversation, tmp_path: Path, target: str, form: str
) -> None:
    with pytest.raises(UsageError, match=r"\.md or \.json"):
        write_conversation(conversation, str(tmp_path / target), form)


def test_a_folder_that_is_not_there_is_one_line(conversation: Conversation, tmp_path: Path) -> None:
    with pytest.raises(DgchatError, match="cannot be written"):
        write_conversation(conversation, str(tmp_path / "nowhere" / "x.md"))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("CON", "chat-con"),
        ("", "chat-"),
        ("\x1b]0;x\x07 / \\ : *", "0-x"),
        ("Tide & moon?", "tide-moon"),
        ("海の話", "海の話"),
    ],
)
def test_a_title_becomes_a_harmless_name(title: str, name: str) -> None:
    assert file_name(title).rstrip("-") == name.rstrip("-")


def test_a_long_title_becomes_a_name_that_fits(conversation: Conversation, tmp_path: Path) -> None:
    conversation.title = "海" * 500
    assert write_conversation(conversation, str(tmp_path), "json").exists()
