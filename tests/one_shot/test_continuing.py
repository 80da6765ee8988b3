"""`--continue` and `--session` of a one-shot: what was said is known, what is said now is stored."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from conversations import converse
from dgchat.cli import run
from dgchat.session.conversation import Conversation
from dgchat.session.store.store import Store, store_path
from dgchat_process import run_scripted, scripted_command
from scripted_engine import ANSWER, ScriptedEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that answers."""
    scripted = ScriptedEngine()
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: scripted)
    return scripted


@pytest.fixture
def past() -> Iterator[Conversation]:
    """Two stored conversations, the latest about the moon; this one is about the tide."""
    with closing(Store(store_path())) as store:
        past = converse(store, ("Why is there a tide?", "The moon."), ("And why the moon?", "Nobody knows."))
        converse(store, ("Who walked on the moon?", "Twelve people."))
        yield past


def stored(identity: str) -> list[tuple[str, str]]:
    with closing(Store(store_path())) as store:
        return [(turn.prompt, turn.text) for turn in store.load(identity)[0].branch]


def test_a_one_shot_goes_on_with_the_last_conversation(engine: ScriptedEngine, past: Conversation) -> None:
    assert run(["--continue", "--prompt", "Who was first?", "--system", "Be brief."]) == 0
    assert [(message.role, message.text) for message in engine.requests[0].messages] == [
        ("system", "Be brief."),
        ("user", "Who walked on the moon?"),
        ("assistant", "Twelve people."),
        ("user", "Who was first?"),
    ]


@pytest.mark.parametrize("flag", ["--session", "--resume"])
def test_its_turn_joins_the_conversation_that_is_named(
    flag: str, engine: ScriptedEngine, past: Conversation
) -> None:
    assert run([flag, past.id, "--prompt", "So?"]) == 0
    assert run([flag, past.id, "--prompt", "And?"]) == 0
    assert [message.text for message in engine.requests[1].messages][-3:] == ["So?", ANSWER, "And?"]
    assert stored(past.id)[2:] == [("So?", ANSWER), ("And?", ANSWER)]
    with closing(Store(store_path())) as store:
        turn = store.load(past.id)[0].branch[-1]
        assert (turn.model, len(turn.trace) > 0) == ("scripted 1M", True)


def test_a_stream_goes_on_too(engine: ScriptedEngine, past: Conversation) -> None:
    assert run(["--session", "tide", "--prompt", "So?", "--jsonl"]) == 0
    assert stored(past.id)[2:] == [("So?", ANSWER)]


def test_what_is_stored_of_a_refined_answer_is_the_refined_one(past: Conversation) -> None:
    done = run_scripted("--session", past.id, "-p", "So?", "--refine", "1", "--json", thought="")
    assert done.returncode == 0
    assert stored(past.id)[2:] == [("So?", json.loads(done.stdout)["text"])]


def test_the_prompt_is_stored_before_the_answer_begins(past: Conversation) -> None:
    command = scripted_command("--session", past.id, "--prompt", "So?", "--jsonl", step_seconds=0.2)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    with closing(Store(store_path())) as store:
        conversation, unanswered = store.load(past.id)
    assert (len(conversation.branch), unanswered) == (2, "So?")


def test_a_failure_leaves_the_prompt(engine: ScriptedEngine, past: Conversation) -> None:
    engine.fail_at_step = 2
    assert run(["--session", past.id, "--prompt", "So?"]) == 1
    with closing(Store(store_path())) as store:
        assert store.load(past.id)[1] == "So?"


def test_a_prompt_that_cannot_be_stored_is_not_answered(
    engine: ScriptedEngine,
    past: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dgchat.session.store.rows.insert_turn", fails)
    assert run(["--session", past.id, "--prompt", "So?"]) == 1
    assert engine.requests == []
    assert "No space left" in capsys.readouterr().err


def test_a_name_that_is_new_begins_a_conversation_and_goes_on_with_it(
    engine: ScriptedEngine, past: Conversation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--session", "nightly-tide", "--prompt", "So?"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (ANSWER + "\n", "dgchat: a new conversation begins: nightly-tide\n")
    run(["-p", "Another nightly-tide?", "--continue"])
    with closing(Store(store_path())) as store:
        named = store.find("nightly-tide")
        converse(store, ("Who wrote about the nightly-tide?", "Nobody."))
    capsys.readouterr()
    assert run(["--session", "nightly-tide", "--prompt", "And?"]) == 0
    assert capsys.readouterr().err == ""
    assert [prompt for prompt, _ in stored(named.id)] == ["So?", "Another nightly-tide?", "And?"]


def begin_and_hold(prompt: str) -> subprocess.Popen[bytes]:
    """A one-shot that has found no conversation of the name, stopped while it waits to make one."""
    command = scripted_command("--session", "nightly", "-p", prompt)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline() == b"dgchat: a new conversation begins: nightly\n"
    process.send_signal(signal.SIGSTOP)
    return process


def test_two_that_begin_the_same_name_at_the_same_moment_make_one_conversation() -> None:
    Store(store_path()).close()
    with closing(sqlite3.connect(store_path(), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # nobody else writes
        both = [begin_and_hold("One?"), begin_and_hold("Two?")]
        connection.execute("COMMIT")
    for process in both:
        process.send_signal(signal.SIGCONT)
    assert [process.wait(60) for process in both] == [0, 0]
    with closing(Store(store_path())) as store:
        (summary,) = store.summaries()
        conversation, _ = store.load(summary.id)
    assert {(turn.prompt, turn.text) for turn in conversation.turns} == {("One?", ANSWER), ("Two?", ANSWER)}


def test_what_is_damaged_of_the_conversation_is_told_in_one_line(
    engine: ScriptedEngine, past: Conversation, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(store_path(), isolation_level=None)) as connection:
        connection.execute("UPDATE turns SET settings = 'no json' WHERE conversation = ?", [past.id])
    assert run(["--session", past.id, "--prompt", "So?"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"dgchat: Damaged in the store, and left out here: settings of {past.id}.1,")


def test_a_conversation_that_fails_at_once_is_there_nonetheless(
    engine: ScriptedEngine, past: Conversation
) -> None:
    engine.fail_at_step = 1
    assert run(["--session", "nightly", "--prompt", "So?"]) == 1
    with closing(Store(store_path())) as store:
        assert store.load(store.find("nightly").id)[1] == "So?"


@pytest.mark.parametrize("identity", ["k7f3q", "k7f3q.2", "K7F3Q"])
def test_an_id_that_is_not_there_begins_nothing(identity: str, past: Conversation) -> None:
    done = run_scripted("--session", identity, "-p", "So?")
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"No conversation is named '{identity}'" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--continue", "--messages", "chat.json"), "--messages holds the whole chat"),
        (("--continue", "--no-save", "-p", "So?"), "conversations are not stored"),
        (("--session", "no such words", "-p", "So?"), "No conversation is named"),
        (("--continue", "--session", "x", "-p", "So?"), "--continue and --session exclude each other"),
        (("--resume", "x", "--session", "x", "-p", "So?"), "--resume and --session exclude each other"),
        (("--session", "", "-p", "So?"), "--session needs the name of a conversation"),
        (("--session", " ", "-p", "So?"), "--session needs the name of a conversation"),
        (("--resume", "", "-p", "So?"), "--resume needs an id or words"),
    ],
)
def test_what_cannot_be_continued_is_said(arguments: tuple[str, ...], why: str, past: Conversation) -> None:
    done = run_scripted(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert why in done.stderr.decode()
