"""Files that go along with a prompt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dgchat.errors import UsageError
from dgchat.session.attachments import (
    MAX_FILE_BYTES,
    Attachment,
    find_mentions,
    read_attachments,
    with_attachments,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notes.txt").write_bytes("\ufefftide: 4 m\r\nmoon: full\n".encode())
    (tmp_path / "two words.md").write_text("spaced")
    return tmp_path


def test_a_mention_is_an_at_sign_that_starts_a_word():
    prompt = 'compare @a.txt with (see @"my file.md") and me@home.org, @a.txt again\n@b/c.py'
    assert find_mentions(prompt) == ["a.txt", "my file.md", "b/c.py"]


def test_the_text_of_a_mentioned_file_comes_along(folder):
    attached, missing = read_attachments('@notes.txt and @"two words.md"', folder)
    assert [attachment.name for attachment in attached] == ["notes.txt", "two words.md"]
    assert attached[0].text == "tide: 4 m\nmoon: full\n"
    assert attached[0].num_bytes == (folder / "notes.txt").stat().st_size
    assert missing == ()


def test_the_end_of_a_sentence_is_no_part_of_the_path(folder):
    assert [one.name for one in read_attachments("read @notes.txt, please", folder)[0]] == ["notes.txt"]


def test_a_home_folder_is_found(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert read_attachments("@~/notes.txt", Path("/"))[0][0].text.startswith("tide")


def test_what_names_no_file_stays_text_and_is_named(folder):
    assert read_attachments("a @property and @nobody/x and @~nobody/y", folder) == (
        (),
        ("property", "nobody/x", "~nobody/y"),
    )


def test_a_mention_that_was_pasted_reads_nothing(folder):
    assert read_attachments("@notes.txt", folder, ignored={"notes.txt"}) == ((), ())


def test_what_is_no_text_is_refused_by_name(folder):
    (folder / "cat.png").write_bytes(b"\x89PNG")
    (folder / "core").write_bytes(b"ELF\0\0")
    (folder / "latin").write_bytes(b"caf\xe9")
    (folder / "deep").mkdir()
    os.mkfifo(folder / "pipe")
    for name, why in (
        ("cat.png", "is an image"),
        ("core", "is no text"),
        ("latin", "is no text"),
        ("deep", "is a folder"),
        ("pipe", "is no regular file"),
    ):
        with pytest.raises(UsageError, match=f"{name} {why}"):
            read_attachments(f"see @{name}", folder)


def test_a_file_that_is_too_long_is_refused_with_both_numbers(folder):
    (folder / "log").write_bytes(b"x" * (MAX_FILE_BYTES + 1_000_000))
    with pytest.raises(UsageError, match=r"log has 1.3 MB; at most 0.3 MB"):
        read_attachments("@log", folder)


def test_no_line_of_a_file_ends_the_fence_around_it():
    sent = with_attachments("look", [Attachment("a.md", 9, "````\nx\n````\n")])
    assert sent == "look\n\na.md:\n`````\n````\nx\n````\n`````"
    assert with_attachments("look", []) == "look"
