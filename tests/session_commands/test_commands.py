"""`dgchat sessions` as a script sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conversations import converse
from dgchat.session.store.store import Store, store_path
from dgchat_process import run_dgchat, run_scripted


@pytest.fixture
def ids() -> list[str]:
    store = Store(store_path())
    made = [converse(store, ("One?", "eins\x1b[2J")).id, converse(store, ("Two?", "zwei")).id]
    store.close()
    return made


def test_the_list_names_the_latest_first_and_searches(ids: list[str]) -> None:
    lines = run_dgchat("sessions").stdout.decode().splitlines()
    assert [line[:5] for line in lines] == ids[::-1]
    assert "Two?" in lines[0]
    found = json.loads(run_dgchat("sessions", "list", "eins", "--json").stdout)
    assert [summary["id"] for summary in found] == [ids[0]]


def test_a_conversation_is_shown_without_a_control_character(ids: list[str]) -> None:
    done = run_dgchat("sessions", "show", ids[0])
    assert "eins␛[2J" in done.stdout.decode()
    assert b"\x1b" not in done.stdout
    turns = json.loads(run_dgchat("sessions", "show", "--json", ids[0]).stdout)["turns"]
    assert turns[0]["answer"] == "eins\x1b[2J"


def test_a_conversation_becomes_a_file(ids: list[str], tmp_path: Path) -> None:
    target = tmp_path / "two.md"
    done = run_dgchat("sessions", "export", ids[1], str(target))
    assert (done.returncode, done.stdout.decode().strip()) == (0, str(target))
    assert "zwei" in target.read_text()
    assert run_dgchat("sessions", "export", ids[1], str(target)).returncode == 2


def test_what_is_deleted_can_be_restored_and_what_is_erased_cannot(ids: list[str]) -> None:
    assert run_dgchat("sessions", "delete", *ids).returncode == 0
    assert run_dgchat("sessions").stdout == b""
    assert run_dgchat("sessions", "restore", ids[0]).returncode == 0
    assert run_dgchat("sessions", "delete", "--now", ids[1]).returncode == 0
    left = json.loads(run_dgchat("sessions", "list", "--deleted", "--json").stdout)
    assert left == []


@pytest.mark.parametrize("command", ["show", "export", "delete", "restore"])
def test_what_is_not_there_is_one_line(command: str) -> None:
    done = run_dgchat("sessions", command, "zzzzz")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"zzzzz" in done.stderr
    assert not store_path().exists()


def test_a_plain_chat_goes_on_where_it_was_left() -> None:
    run_scripted("--plain", stdin=b"One?\n/quit\n", answer="eins")
    done = run_scripted("--plain", "--continue", stdin=b"Two?\n/quit\n", answer="zwei")
    told = done.stdout.decode()
    assert "Going on with: One?. Turns so far: 1." in told
    assert "Answer: eins" in told
    store = Store(store_path())
    conversation, _ = store.load(store.latest().id)
    assert [turn.prompt for turn in conversation.branch] == ["One?", "Two?"]
    store.close()


def test_without_saving_nothing_is_stored() -> None:
    assert run_scripted("--plain", "--no-save", stdin=b"One?\n").returncode == 0
    assert not store_path().exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plain", "--continue"], "There is no conversation to go on with."),
        (["--plain", "--resume", "nothing of it"], "No conversation is named 'nothing of it'"),
        (["--plain", "--continue", "--resume", "x"], "exclude each other"),
        (["--plain", "--no-save", "--continue"], "not stored"),
    ],
)
def test_what_cannot_be_gone_on_with_says_why(arguments: list[str], words: str) -> None:
    done = run_scripted(*arguments)
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_a_damaged_database_is_one_line_and_the_chat_answers() -> None:
    store_path().parent.mkdir(parents=True)
    store_path().write_bytes(b"this is no database, and never was one " * 40)
    before = store_path().read_bytes()
    done = run_scripted("--plain", stdin=b"One?\n", answer="eins")
    assert done.returncode == 0
    assert "it is damaged, or no database" in done.stdout.decode()
    assert "eins" in done.stdout.decode()
    assert store_path().read_bytes() == before
