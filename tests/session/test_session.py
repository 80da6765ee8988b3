"""One conversation: settings of the next turn, drafts, failures, replacement."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from threading import Event

import pytest

from dgchat.engine.events import CanvasStep
from dgchat.errors import DgchatError
from dgchat.session.loading import Loading
from dgchat.session.session import Session
from dgchat.session.turn import Turn, TurnSettings
from scripted_engine import ANSWER, ScriptedEngine


def make_session(engine: ScriptedEngine, **settings: object) -> Session:
    session = Session(lambda loading: engine, TurnSettings(**settings))
    session.load()
    return session


class CancelAtStep(Event):
    """Set as soon as the turn has so many steps."""

    def __init__(self, turn: Turn, step: int) -> None:
        super().__init__()
        self._turn, self._step = turn, step

    def is_set(self) -> bool:
        return len(self._turn.trace) >= self._step


def answer(session: Session, prompt: str) -> Turn:
    turn = session.begin(prompt)
    session.run(turn, lambda event: None)
    session.conclude(turn)
    return turn


def test_importing_the_session_loads_neither_textual_nor_torch():
    code = "import sys, dgchat.session.session as s; print({'torch', 'textual', 'rich'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_turn_joins_the_conversation_that_the_next_one_is_asked_with():
    engine = ScriptedEngine()
    session = make_session(engine, system="be brief")
    answer(session, "first")
    answer(session, "second")
    said = [(message.role, message.text) for message in engine.requests[1].messages]
    assert said == [("system", "be brief"), ("user", "first"), ("assistant", ANSWER), ("user", "second")]


def test_a_chat_answer_may_take_four_canvases_unless_told_otherwise():
    session = make_session(ScriptedEngine())
    assert (session.canvases, session.max_tokens, session.steps) == (4, 128, 48)


def test_a_token_limit_is_rounded_up_to_whole_canvases():
    engine = ScriptedEngine()
    session = make_session(engine, max_tokens=33, steps=5)
    answer(session, "hello")
    assert engine.requests[0].max_new_tokens == 64
    assert engine.requests[0].sampler.max_denoising_steps == 5


def test_settings_beyond_what_the_model_can_are_brought_back():
    session = make_session(ScriptedEngine(), max_tokens=10_000, steps=900)
    assert (session.max_tokens, session.steps) == (4096, 48)


def test_a_checkpoint_made_for_one_canvas_may_write_more_in_a_chat():
    session = make_session(ScriptedEngine(max_new_tokens=32))
    assert session.max_tokens == 128


def test_a_seed_is_fresh_every_turn_unless_one_was_chosen():
    session = make_session(ScriptedEngine())
    assert answer(session, "a").seed != answer(session, "b").seed
    session.settings = replace(session.settings, seed=7)
    assert answer(session, "c").seed == answer(session, "d").seed == 7


def test_the_same_seed_gives_the_same_answer():
    texts = {answer(make_session(ScriptedEngine(answer=None), seed=3), "hello").text for _ in range(3)}
    assert len(texts) == 1


def test_steps_go_into_the_trace_and_only_transitions_to_the_listener():
    session = make_session(ScriptedEngine(steps=6))
    turn = session.begin("hello")
    heard: list[object] = []
    session.run(turn, heard.append)
    assert len(turn.trace) == 6
    assert not any(isinstance(event, CanvasStep) for event in heard)
    assert len(heard) == 3


def test_a_cancelled_answer_keeps_its_draft_and_where_it_stopped():
    engine = ScriptedEngine(steps=12)
    session = make_session(engine)
    turn = session.begin("hello")
    turn.cancelled = CancelAtStep(turn, 5)
    session.run(turn, lambda event: None)
    session.conclude(turn)
    assert turn.stopped_at == "5/48"
    assert session.turns == [turn]
    assert turn.messages()[1].text == turn.text != ""


@pytest.mark.parametrize("error", [DgchatError("no memory", hint="use less"), RuntimeError("CUDA error")])
def test_a_failing_engine_leaves_the_conversation_as_it_was(error):
    session = make_session(ScriptedEngine(fail_at_step=3, error=error))
    turn = answer(session, "hello")
    assert isinstance(turn.error, DgchatError)
    assert session.turns == []
    assert session.running is None


def test_a_model_that_cannot_be_loaded_is_said_again_at_every_turn():
    def load(loading: Loading) -> ScriptedEngine:
        raise DgchatError("no such folder")

    session = Session(load)
    with pytest.raises(DgchatError, match="no such folder"):
        session.load()
    turn = answer(session, "hello")
    assert turn.error is not None
    assert "no such folder" in str(turn.error)


def test_only_one_answer_is_written_at_a_time():
    session = make_session(ScriptedEngine())
    session.begin("one")
    with pytest.raises(DgchatError, match="still being written"):
        session.begin("two")


def test_a_replaced_turn_leaves_only_once_the_new_one_has_an_answer():
    engine = ScriptedEngine()
    session = make_session(engine)
    first = answer(session, "hello")
    engine.fail_at_step = 1
    failed = session.begin("hello", replaces=first)
    session.run(failed, lambda event: None)
    session.conclude(failed)
    assert session.turns == [first]
    engine.fail_at_step = None
    second = session.begin("hello", replaces=first)
    session.run(second, lambda event: None)
    session.conclude(second)
    assert session.turns == [second]
    assert len(engine.requests[-1].messages) == 1
