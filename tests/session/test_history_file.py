"""Prompts of earlier runs, on the disk."""

from __future__ import annotations

import sys

import pytest

from dgchat.errors import DgchatError
from dgchat.session.history_file import MAX_PROMPTS, HistoryFile
from dgchat.session.prompt_history import PromptHistory


def test_prompts_of_an_earlier_run_come_back_letter_for_letter(tmp_path):
    prompts = ["one", "two\nlines\r\n", "\x1b[31m \udcff \u202e"]
    file = HistoryFile(tmp_path / "deep" / "prompts.jsonl")
    for prompt in prompts:
        file.append(prompt)
    assert HistoryFile(tmp_path / "deep" / "prompts.jsonl").read() == prompts


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes there")
def test_only_the_owner_may_read_them_even_if_the_file_was_open_to_all(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.touch(mode=0o644)
    HistoryFile(path).append("private")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_damaged_costs_only_itself(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'"one"\n"two\n\xff\xfe\n3\n"four"\n')
    assert HistoryFile(path).read() == ["one", "four"]


def test_a_long_file_is_cut_to_its_latest_prompts(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f'"{number}"\n' for number in range(2 * MAX_PROMPTS + 1)))
    kept = HistoryFile(path).read()
    assert (len(kept), kept[-1]) == (MAX_PROMPTS, str(2 * MAX_PROMPTS))
    assert len(path.read_text().splitlines()) == MAX_PROMPTS
    assert [entry.name for entry in tmp_path.iterdir()] == ["prompts.jsonl"]


def test_a_file_that_cannot_be_written_is_told_once_and_the_history_goes_on(tmp_path):
    history = PromptHistory(HistoryFile(tmp_path / "taken" / "prompts.jsonl"))
    (tmp_path / "taken").touch()
    with pytest.raises(DgchatError, match="cannot be written"):
        history.add("one")
    history.add("two")
    assert history.matches("") == ["two", "one"]


def test_a_file_that_cannot_be_read_is_told_with_the_first_prompt_and_grows_all_the_same(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.mkdir()
    history = PromptHistory(HistoryFile(path))
    path.rmdir()
    with pytest.raises(DgchatError, match="cannot be read"):
        history.add("one")
    history.add("two")
    assert HistoryFile(path).read() == ["one", "two"]
