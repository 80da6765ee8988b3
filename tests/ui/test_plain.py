"""The chat in lines of text."""

from __future__ import annotations

from io import StringIO

from dgchat.errors import DgchatError
from dgchat.session.session import Session
from dgchat.ui.plain import run_plain
from scripted_engine import ANSWER, ScriptedEngine


def chat(engine: ScriptedEngine, typed: str) -> tuple[int, str]:
    writes = StringIO()
    return run_plain(Session(lambda: engine), StringIO(typed), writes), writes.getvalue()


def test_a_line_is_answered_in_words_without_escapes():
    code, written = chat(
        ScriptedEngine(steps=3, answer="It is \x1b[31mOslo."), "Capital of Norway?\n\n/quit\nmore\n"
    )
    assert code == 0
    assert "Answer: It is ␛[31mOslo.\n3 steps" in written
    assert "\x1b" not in written
    assert written.count("Answer:") == 1


def test_an_error_is_a_line_and_the_chat_goes_on():
    _, written = chat(ScriptedEngine(fail_at_step=1), "one\n")
    assert "Error: The engine broke. (ask again)" in written


def test_a_model_that_cannot_be_loaded_ends_it_with_its_exit_code():
    def load() -> ScriptedEngine:
        raise DgchatError("nothing there")

    writes = StringIO()
    assert run_plain(Session(load), StringIO(ANSWER), writes) == DgchatError.exit_code
    assert "Error: nothing there" in writes.getvalue()
