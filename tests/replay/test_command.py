"""`dgchat replay` as a process and in a terminal that is none."""

from __future__ import annotations

import io
from contextlib import closing

import pytest

from dgchat.engine.events import Finished, FinishReason, GenerationStats
from dgchat.replay.command import run_replay
from dgchat.replay.jsonl import as_jsonl
from dgchat.session.conversation import Conversation
from dgchat.session.store.store import Store, store_path
from dgchat.session.turn import Turn, TurnSettings
from dgchat.settings import Settings
from dgchat_process import run_dgchat
from recordings import hostile_recording, scripted_recording
from scripted_engine import ANSWER


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "answer.jsonl"
    path.write_text(as_jsonl(scripted_recording(ANSWER)), encoding="utf-8")
    return path


def test_without_a_terminal_the_answer_alone_is_written(file):
    done = run_dgchat("replay", str(file))
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, ANSWER + "\n", b"")


def test_a_recording_can_be_piped_in(file):
    done = run_dgchat("replay", "-", stdin=file.read_bytes())
    assert done.stdout.decode() == ANSWER + "\n"


def test_in_plain_lines_each_canvas_is_told_in_words(file):
    done = run_dgchat("replay", "--plain", str(file))
    lines = done.stdout.decode().splitlines()
    assert lines[:2] == ["You: hello", "Canvas 1 of 1, 6 steps:"]
    assert lines[2] == ANSWER
    assert lines[3].endswith("tokens changed in between.")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}\n", b"\x00" * 100, b'{"format":'])
def test_a_bad_file_is_one_line_and_exit_code_2(tmp_path, content):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    done = run_dgchat("replay", str(path))
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there_and_a_folder_are_exit_code_2(tmp_path):
    for name in (tmp_path / "none.jsonl", tmp_path):
        done = run_dgchat("replay", str(name))
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.fixture
def stored_turn():
    """An answer in the database of this user."""
    turn, conversation = Turn("hello", TurnSettings(seed=3)), Conversation()
    for step in scripted_recording(ANSWER).steps:
        turn.record(step)
    turn.finished = Finished(ANSWER, "", FinishReason.END_OF_TURN, GenerationStats())
    conversation.add(turn)
    with closing(Store(store_path())) as store:
        store.add_turn(conversation, turn)
        store.finish_turn(turn)
    return turn


def test_a_stored_answer_is_replayed_by_its_id_and_by_its_conversation(stored_turn):
    for identity in (stored_turn.id, stored_turn.id.partition(".")[0]):
        done = run_dgchat("replay", identity)
        assert (done.returncode, done.stdout.decode()) == (0, ANSWER + "\n")


@pytest.mark.parametrize("identity", ["zzzzz", "zzzzz.1"])
def test_an_id_that_nothing_is_stored_under_is_exit_code_2(stored_turn, identity):
    done = run_dgchat("replay", identity)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_recording_is_written_in_another_format(file, tmp_path):
    done = run_dgchat("replay", str(file), "--export", str(tmp_path / "answer.svg"))
    assert done.returncode == 0
    assert (tmp_path / "answer.svg").read_text(encoding="utf-8").startswith("<svg")


def test_on_a_terminal_every_step_is_drawn_in_place_and_nothing_is_left(file, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("TERM", "xterm")
    out, err = Screen(), Screen()
    assert run_replay(str(file), Settings(), None, reads=io.StringIO(), out=out, err=err) == 0
    assert out.getvalue() == ANSWER + "\n"
    for step in range(1, 7):
        assert f"step {step}/6" in err.getvalue()
    assert err.getvalue().endswith("\x1b[?25h")


def test_hostile_pieces_steer_no_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    path = tmp_path / "bad.jsonl"
    path.write_text(as_jsonl(hostile_recording()), encoding="utf-8")
    for settings in (Settings(), Settings(plain=True)):
        out, err = Screen(), Screen()
        run_replay(str(path), settings, None, reads=io.StringIO(), out=out, err=err)
        for stream in (out, err):
            assert "\x1b]" not in stream.getvalue()
            assert "\u202e" not in stream.getvalue()
            assert "\x1b[2J" not in stream.getvalue()


def test_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(file, monkeypatch):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    monkeypatch.setenv("TERM", "xterm")
    out, err = Screen(), Screen()
    assert run_replay(str(file), Settings(), None, reads=io.StringIO(), out=out, err=err) == 130
    assert err.getvalue().endswith("\x1b[?25h")
