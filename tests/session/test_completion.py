"""What the text before the cursor could become."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dgchat.session.commands import COMMANDS
from dgchat.session.completion import MAX_LINE, suggest


def choices(name: str) -> Sequence[str]:
    return ("ember", "embers", "paper") if name == "theme" else ()


def texts(before: str, folder: Path = Path("/nowhere"), is_first_line: bool = True) -> list[str]:
    return [suggestion.text for suggestion in suggest(before, is_first_line, choices, folder)]


def test_a_slash_lists_every_command_with_what_it_does():
    found = suggest("/", True, choices, Path())
    assert [suggestion.label for suggestion in found] == [command.usage for command in COMMANDS]
    assert all(suggestion.summary for suggestion in found)


def test_letters_narrow_the_list_and_a_whole_name_closes_it():
    assert texts("/st") == ["/steps ", "/stats"]
    assert texts("/stats") == []
    assert texts("hello /st") == texts("/st", is_first_line=False) == []


def test_the_arguments_of_a_command_are_offered_where_they_are_known():
    assert texts("/theme ") == ["/theme ember", "/theme embers", "/theme paper"]
    assert texts("/theme em") == ["/theme ember", "/theme embers"]
    assert texts("/theme ember") == ["/theme embers"]
    assert texts("/theme paper") == texts("/steps ") == texts("/nothing ") == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("notes.txt", "Nova.md", "a b.txt", ".hidden", 'quo"ted', "new\nline"):
        (tmp_path / name).touch()
    (tmp_path / "nest").mkdir()
    (tmp_path / "nest" / "egg.py").touch()
    return tmp_path


def test_a_path_is_completed_folders_first_and_whatever_the_case(folder):
    assert texts("see @n", folder) == ["see @nest/", "see @notes.txt ", "see @Nova.md "]
    assert texts("see @nest/", folder) == ["see @nest/egg.py "]


def test_a_path_with_a_space_is_quoted(folder):
    assert texts("@a", folder) == ['@"a b.txt" ']
    assert texts('@"a b', folder) == ['@"a b.txt" ']


def test_hidden_files_are_offered_after_a_dot_and_never_a_name_that_cannot_be_typed(folder):
    assert texts("@.h", folder) == ["@.hidden "]
    assert not [text for text in texts("@", folder) if "hidden" in text or "quo" in text or "\n" in text]


def test_an_at_sign_within_a_word_is_no_path(folder):
    assert texts("me@n", folder) == texts("@nowhere/n", folder) == []


def test_behind_a_line_that_was_pasted_nothing_is_offered(folder):
    assert texts("x" * MAX_LINE + " @n", folder) == []
