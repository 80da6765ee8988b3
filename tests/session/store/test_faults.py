"""What can happen to a database, and what a chat makes of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
from pathlib import Path

import pytest

from conversations import answer, asked, converse
from dgchat.errors import StoreError
from dgchat.session.conversation import Conversation
from dgchat.session.session import Session
from dgchat.session.store import writer
from dgchat.session.store.store import Store, store_path
from faults.chatters import start_chatter
from scripted_engine import ScriptedEngine


def test_the_file_is_for_its_owner_only() -> None:
    old = os.umask(0)
    try:
        store = Store(store_path())
        converse(store, ("One?", "1"))
        files = [file for file in store_path().parent.iterdir() if file.name.startswith("conversations")]
        assert len(files) == 3  # the database, its log, its index of the log
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert stat.S_IMODE(store_path().parent.stat().st_mode) == 0o700
        store.close()
    finally:
        os.umask(old)


def test_a_file_that_others_could_read_is_closed_to_them() -> None:
    Store(store_path()).close()
    store_path().chmod(0o644)
    Store(store_path()).close()
    assert stat.S_IMODE(store_path().stat().st_mode) == 0o600


def test_a_killed_program_leaves_the_prompt_it_was_answering() -> None:
    process = start_chatter("kill", 1, step_seconds=5)
    assert process.stdout is not None
    assert process.stdout.readline() == "asked kill prompt 0\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    store = Store(store_path())
    (summary,) = store.summaries()
    conversation, unanswered = store.load(summary.id)
    assert (unanswered, conversation.branch) == ("kill prompt 0", [])
    store.close()


def test_two_windows_in_one_conversation_make_two_branches(store: Store, reopened: Store) -> None:
    mine = converse(store, ("One?", "1"))
    theirs, _ = reopened.load(mine.id)
    for where, conversation, prompt in ((store, mine, "Mine?"), (reopened, theirs, "Theirs?")):
        turn = asked(prompt, conversation.leaf)
        where.add_turn(conversation, turn)
        assert where.finish_turn(answer(turn)).wait()
    again, _ = store.load(mine.id)
    assert [turn.prompt for turn in again.turns] == ["One?", "Mine?", "Theirs?"]
    assert [turn.prompt for turn in again.branch] == ["One?", "Theirs?"]


def test_a_database_of_a_newer_version_is_left_alone() -> None:
    Store(store_path()).close()
    connection = sqlite3.connect(store_path())
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = store_path().read_bytes()
    with pytest.raises(StoreError, match=r"newer dgchat \(version 99, known is 1\)\."):
        Store(store_path())
    assert store_path().read_bytes() == before


def test_a_database_of_another_program_is_left_alone() -> None:
    store_path().parent.mkdir(parents=True)
    connection = sqlite3.connect(store_path())
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = store_path().read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store(store_path())
    assert store_path().read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all, but long enough to look at " * 30, b"x" * 10])
def test_a_damaged_file_is_kept_and_named(content: bytes) -> None:
    store_path().parent.mkdir(parents=True)
    store_path().write_bytes(content)
    with pytest.raises(StoreError, match=r"conversations\.db: it is damaged.*move it away") as caught:
        Store(store_path())
    assert "\n" not in str(caught.value)
    assert store_path().read_bytes() == content


def test_damage_inside_is_one_error_for_whoever_reads() -> None:
    store = Store(store_path())
    converse(store, *[(f"prompt {number}", "word " * 2000) for number in range(5)])
    store.close()
    data = bytearray(store_path().read_bytes())
    for start in range(8192, len(data), 4096):
        data[start : start + 2000] = b"\xff" * 2000
    store_path().write_bytes(data)
    with pytest.raises(StoreError):
        Store(store_path()).summaries("word")


@pytest.mark.parametrize("folder", ["/proc/dgchat", "/dev/null/dgchat"])
def test_a_folder_that_cannot_be_written_is_one_line(folder: str) -> None:
    with pytest.raises(StoreError, match="are not stored in") as caught:
        Store(Path(folder) / "conversations.db")
    assert "\n" not in str(caught.value)


def small_disk(monkeypatch: pytest.MonkeyPatch, pages: list[int]) -> None:
    """A disk for new connections that holds so many pages; with none in the list as many as there are."""
    connect = writer.connect

    def connect_to_small_disk(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")
        return connection

    monkeypatch.setattr(writer, "connect", connect_to_small_disk)


def test_on_a_full_disk_the_chat_goes_on_and_what_is_waiting_is_written_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_disk(monkeypatch, [30])
    told: list[str] = []
    store = Store(store_path())
    store.listen(lambda trouble: told.append(str(trouble)))
    session = Session(lambda loading: ScriptedEngine("long words " * 20, steps=2), store=store)
    session.load()
    for number in range(12):
        turn = session.begin(f"prompt {number} " + "x" * 3000)
        session.run(turn, lambda event: None)
        session.conclude(turn)
        assert turn.finished is not None
    assert len(session.turns) == 12
    assert len(told) == 1
    assert "the disk is full" in told[0]
    connection = store._writer._connection
    assert connection is not None
    connection.execute("PRAGMA max_page_count = 100000")
    assert session.close() == 0
    assert told[1:] == ["None"]
    again = Store(store_path())
    assert len(again.load(again.latest().id)[0].branch) == 12
    again.close()


def test_a_disk_that_stays_full_is_counted_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    small_disk(monkeypatch, [1])
    store = Store(store_path())
    ticket = store.add_turn(Conversation(title="x"), asked("x" * 300_000))
    assert ticket.wait(10) is False
    assert store.close() == 1


def test_another_program_that_locks_the_file_is_waited_for(store: Store) -> None:
    locker = sqlite3.connect(store_path(), isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    ticket = store.add_turn(Conversation(title="x"), asked("One?"))
    assert ticket.wait(0.3) is False
    locker.execute("COMMIT")
    locker.close()
    assert ticket.wait(10) is True
