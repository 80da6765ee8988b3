"""The chat in lines of text."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import StringIO
from threading import Event, Thread, main_thread
from time import monotonic, sleep

import pytest

from conversations import converse
from dgchat.engine.events import LoadProgress
from dgchat.errors import DgchatError, LoadCancelled
from dgchat.session.commands import COMMANDS
from dgchat.session.loading import Loading
from dgchat.session.session import Session
from dgchat.session.store.store import Store, store_path
from dgchat.ui.plain import run_plain
from scripted_engine import ANSWER, ScriptedEngine


def chat(engine: ScriptedEngine, typed: str) -> tuple[int, str]:
    writes = StringIO()
    return run_plain(Session(lambda loading: engine), StringIO(typed), writes), writes.getvalue()


def test_a_line_is_answered_in_words_without_escapes():
    code, written = chat(
        ScriptedEngine(steps=3, answer="It is \x1b[31mOslo."), "Capital of Norway?\n\n/quit\nmore\n"
    )
    assert code == 0
    assert "Answer: It is ␛[31mOslo.\n3 steps" in written
    assert "\x1b" not in written
    assert written.count("Answer:") == 1


def test_a_model_that_was_chosen_for_the_reader_is_named():
    written = chat(ScriptedEngine(choice="someone/tiny fits: needs 1 GB"), "/quit\n")[1]
    assert "\nsomeone/tiny fits: needs 1 GB\nYou: " in written


def test_an_error_is_a_line_and_the_chat_goes_on():
    _, written = chat(ScriptedEngine(fail_at_step=1), "one\n")
    assert "Error: The engine broke. (ask again)" in written


def test_a_model_that_cannot_be_loaded_ends_it_with_its_exit_code():
    def load(loading: Loading) -> ScriptedEngine:
        raise DgchatError("nothing there")

    writes = StringIO()
    assert run_plain(Session(load), StringIO(ANSWER), writes) == DgchatError.exit_code
    assert "Error: nothing there" in writes.getvalue()


class Lines(StringIO):
    """Notices when a line with these words has been written."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self.have_come = Event()
        self._awaited = awaited

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._awaited in text:
            self.have_come.set()
        return written


def test_a_loading_that_takes_longer_than_a_second_tells_its_bytes():
    writes = Lines("of 18.8 GB")

    def load(loading: Loading) -> ScriptedEngine:
        loading.report(LoadProgress(3_200_000_000, 18_823_855_888))
        assert writes.have_come.wait(10)
        return ScriptedEngine()

    assert run_plain(Session(load), StringIO("/quit\n"), writes) == 0
    first, second, third = writes.getvalue().splitlines()[:3]
    assert first == "Loading the model."
    assert second.startswith("loading 3.2 of 18.8 GB, 1 s, ")
    assert third.startswith("scripted 1M on cpu")


def test_what_memory_the_model_takes_is_told_before_it_is_read():
    writes = StringIO()

    def load(loading: Loading) -> ScriptedEngine:
        loading.take_plan("memory: 20.5 GB; 23.1 GB free")
        assert writes.getvalue().splitlines() == ["Loading the model.", "memory: 20.5 GB; 23.1 GB free"]
        return ScriptedEngine()

    assert run_plain(Session(load), StringIO("/quit\n"), writes) == 0


def test_a_quick_loading_is_not_told():
    assert chat(ScriptedEngine(), "/quit\n")[1].splitlines()[1].startswith("scripted 1M on cpu")


def test_ctrl_c_while_the_model_loads_stops_that_and_leaves():
    def load(loading: Loading) -> ScriptedEngine:
        signal.pthread_kill(main_thread().ident, signal.SIGINT)
        assert loading.cancelled.wait(10)
        raise LoadCancelled("loading was cancelled")

    session = Session(load)
    with pytest.raises(KeyboardInterrupt):
        run_plain(session, StringIO("hello\n"), StringIO())
    wait_for(lambda: session.load_error is not None)


def test_ctrl_c_at_the_prompt_leaves_with_130():
    class Interrupted(StringIO):
        def readline(self, size: int = -1, /) -> str:
            raise KeyboardInterrupt

    writes = StringIO()
    with pytest.raises(KeyboardInterrupt):  # of which `main` makes 130
        run_plain(Session(lambda loading: ScriptedEngine()), Interrupted(), writes)
    assert writes.getvalue().endswith("You: \n")


def test_canvases_are_joined_as_the_text_is():
    engine = ScriptedEngine(steps=1, answer="one two three\n\nfour five", canvas_length=2)
    assert "Answer: one two three\n\nfour five\n4 steps" in chat(engine, "count\n")[1]
    ended = ScriptedEngine(steps=1, answer="done.\n")
    assert "Answer: done.\n1 steps" in chat(ended, "end\n")[1]


def test_ctrl_c_stops_the_answer_and_keeps_the_draft():
    session, writes = Session(lambda loading: ScriptedEngine(steps=40, step_seconds=0.05)), StringIO()
    with interrupted_while_answering(session):
        assert run_plain(session, StringIO("a long one\n"), writes) == 0
    turn = session.turns[0]
    assert f"Answer: {turn.text}" in writes.getvalue()
    assert f"\nStopped at step {turn.stopped_at}.\n" in writes.getvalue()
    assert turn.text
    assert len(turn.trace) < 40
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_ctrl_c_the_next_answer_waits_for_the_stopped_one():
    engine = ScriptedEngine(steps=3, step_seconds=0.3)
    session, writes = Session(lambda loading: engine), StringIO()
    with interrupted_while_answering(session):
        assert run_plain(session, StringIO("one\ntwo\n"), writes) == 0
    assert [turn.prompt for turn in session.turns] == ["one", "two"]
    assert "No answer." not in writes.getvalue()
    assert [message.text for message in engine.requests[1].messages][:2] == ["one", session.turns[0].text]


def test_a_second_ctrl_c_does_not_wait_for_a_step_that_hangs():
    session, started = (
        Session(lambda loading: ScriptedEngine(prefill_seconds=0.1, step_seconds=2.0)),
        monotonic(),
    )
    with pytest.raises(KeyboardInterrupt), interrupted_while_answering(session, times=2):
        run_plain(session, StringIO("a long one\n"), StringIO())
    assert monotonic() - started < 2.0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@contextmanager
def interrupted_while_answering(session: Session, times: int = 1) -> Generator[None]:
    """Press ctrl+c once the first answer has begun, and again once that was heard."""

    def interrupt() -> None:
        wait_for(lambda: session.running is not None and session.running.prefilled is not None)
        turn = session.running
        sleep(0.1)
        signal.pthread_kill(main_thread().ident, signal.SIGINT)
        if times == 2:
            wait_for(turn.cancelled.is_set)
            signal.pthread_kill(main_thread().ident, signal.SIGINT)

    interrupting = Thread(target=interrupt)
    interrupting.start()
    try:
        yield
    finally:
        interrupting.join()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not holds():
        assert monotonic() < deadline, "waited in vain"
        sleep(0.005)


def test_slash_commands_are_obeyed_and_never_asked():
    engine = ScriptedEngine(steps=1)
    typed = "one\n/new\ntwo\n/theme tide\n/nwe\n/new now\n/quit\nthree\n"
    code, written = chat(engine, typed)
    assert code == 0
    assert [[message.text for message in request.messages] for request in engine.requests] == [
        ["one"],
        ["two"],
    ]
    lines = written.splitlines()
    assert "You: A new conversation." in lines
    assert "You: /theme needs the full screen; /help lists what works here." in lines
    assert any(line.startswith("You: Error: There is no command /nwe. (did you mean /new?") for line in lines)
    assert any(line.startswith("You: Error: /new takes no argument.") for line in lines)


def test_help_lists_the_commands_that_work_in_lines():
    written = chat(ScriptedEngine(), "/help\n")[1]
    listed = {command.name for command in COMMANDS if f"{command.usage}: {command.summary}" in written}
    needs_screen = {"clear", "more", "replay", "heat", "refine", "edit", "branch", "delete", "copy", "editor"}
    needs_screen |= {"theme", "settings"}
    assert listed == {command.name for command in COMMANDS} - needs_screen


def test_commands_change_the_next_turn_and_say_so():
    engine = ScriptedEngine(steps=1)
    typed = "/system Be brief.\n/steps draft\n/tokens 32\n/seed 5\n/system\nhello\n/steps many\n"
    written = chat(engine, typed)[1]
    (request,) = engine.requests
    assert (request.messages[0].text, request.seed, request.max_new_tokens) == ("Be brief.", 5, 32)
    assert request.sampler.max_denoising_steps == 12
    assert "You: 12 steps (draft), from the next turn on" in written
    assert "You: system: Be brief." in written
    assert "You: Error: The steps are a number from 1 to 48, or draft" in written


def test_the_last_answer_is_retried_continued_counted_and_taken_back():
    engine = ScriptedEngine(answer="word " * 200, steps=1)
    session, writes = Session(lambda loading: engine), StringIO()
    typed = "/tokens 32\n/retry\ngo\n/retry same\n/continue\n/stats\n/retry 5\n/undo\n/undo\n"
    assert run_plain(session, StringIO(typed), writes) == 0
    written = writes.getvalue()
    assert [request.seed for request in engine.requests[:2]] == [engine.requests[0].seed] * 2
    assert engine.requests[2].messages[-1].role == "assistant"
    assert written.count("Answer: ") == 3
    assert "You: answer       " in written
    assert "Two answers are compared on the full screen." in written
    assert "You: Taken back: go" in written
    assert written.count("There is no answer yet.") == 2
    assert session.turns == []


def test_the_conversation_and_the_replay_are_written_to_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = chat(ScriptedEngine(steps=2), "hello\n/save notes.md\n/export how.svg\n/export md\n")[1]
    assert "Written to notes.md." in written
    assert "Written to how.svg." in written
    assert {path.name for path in tmp_path.iterdir()} == {"notes.md", "how.svg", "hello.md"}


def test_a_stored_conversation_is_found_named_and_gone_on_with():
    store = Store(store_path())
    converse(store, ("What is surf?", "The sea that has met the land."))
    engine = ScriptedEngine(steps=1)
    session, writes = Session(lambda loading: engine, store=store), StringIO()
    typed = "/resume\n/resume surf\nand foam?\n/rename the shore\n/resume nowhere\n"
    run_plain(session, StringIO(typed), writes)
    written = writes.getvalue()
    assert ": What is surf?\n" in written
    assert "Turns so far: 1.\nYou: What is surf?\nAnswer: The sea that has met the land." in written
    assert engine.requests[0].messages[0].text == "What is surf?"
    assert "Its title is: the shore" in written
    assert "Error: " in written
    session.close()


def test_files_that_a_line_mentions_are_sent_along(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tides.txt").write_text("high at noon", encoding="utf-8")
    engine = ScriptedEngine(steps=1)
    written = chat(engine, "when? @tides.txt @none.txt\n")[1]
    assert "high at noon" in engine.requests[0].messages[-1].text
    assert "@none.txt: no file, sent as text." in written


def test_a_line_with_a_leading_space_is_sent_as_it_is():
    engine = ScriptedEngine(steps=1)
    chat(engine, " /quit\n")
    assert [request.messages[-1].text for request in engine.requests] == [" /quit"]
