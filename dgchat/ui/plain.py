"""A chat in lines of text, for screen readers and for terminals that only print."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event as Flag
from threading import Thread
from types import FrameType
from typing import TextIO

from dgchat.engine.events import CanvasCommitted, EngineInfo, Event
from dgchat.errors import DgchatError
from dgchat.safe_text import visible
from dgchat.session.commands import COMMANDS, Command, parse_command
from dgchat.session.loading import LoadingLines
from dgchat.session.session import Session
from dgchat.session.turn import Turn

_POLL_SECONDS = 0.1
_RECALLED_TURNS = 3
"""Of a conversation that goes on, so many are printed again."""

_COMMANDS_HERE = ("help", "new", "quit")


def run_plain(session: Session, reads: TextIO, writes: TextIO) -> int:
    """Ask and answer until the input ends or says /quit; returns the exit code. ctrl+c while it asks is a
    KeyboardInterrupt.
    """
    _say(writes, "Loading the model.")
    try:
        info = _load(session, writes)
    except DgchatError as error:
        _say(writes, f"Error: {error}")
        return error.exit_code
    _say(
        writes, f"{info.model} on {info.device}. Write a line and press enter; /help says more, /quit leaves."
    )
    if info.choice:
        _say(writes, visible(info.choice, newlines=False))
    _recall(session, writes)
    while (line := _ask(reads, writes)) is not None:
        try:
            command = parse_command(line)
        except DgchatError as error:
            _say(writes, f"Error: {visible(str(error), newlines=False)}")
            continue
        if command is None:
            _answer(session, line, writes)
        elif command[0].name == "quit":
            break
        else:
            _obey(session, command[0], writes)
    return 0


def _recall(session: Session, writes: TextIO) -> None:
    """What is wrong with the storage, and the end of the conversation that goes on."""
    if session.store_error is not None:
        _say(writes, f"Error: {session.store_error}")
    if session.store is not None:
        session.store.listen(lambda trouble: _say(writes, f"Error: {trouble}") if trouble else None)
    turns = session.turns
    if turns:
        _say(writes, f"Going on with: {session.conversation.title}. Turns so far: {len(turns)}.")
    for turn in turns[-_RECALLED_TURNS:]:
        _say(writes, f"You: {turn.prompt}\nAnswer: {turn.text}")
    if session.unanswered:
        _say(writes, f"Not answered yet: {session.unanswered}")


def _load(session: Session, writes: TextIO) -> EngineInfo:
    """Load the model, and say how far it is where that takes long; errors as for `Session.load`."""

    def load() -> None:
        with suppress(DgchatError):  # the session keeps it
            session.load()

    session.loading.on_plan = lambda plan: _say(writes, plan)
    loader, lines = Thread(target=load, name="dgchat-load", daemon=True), LoadingLines(session.loading)
    loader.start()
    try:
        while loader.is_alive():
            loader.join(_POLL_SECONDS)
            line = lines.next_line()
            if line is not None and loader.is_alive():
                _say(writes, line)
    except KeyboardInterrupt:
        session.cancel_loading()
        raise
    if session.load_error is not None:
        raise session.load_error
    assert session.info is not None
    return session.info


def _ask(reads: TextIO, writes: TextIO) -> str | None:
    """The next line with something in it, as it was written; None at the end."""
    while True:
        writes.write("You: ")
        writes.flush()
        try:
            line = reads.readline()
        except KeyboardInterrupt:
            writes.write("\n")
            raise
        if line.strip() or not line:
            return line.rstrip("\n") or None


def _obey(session: Session, command: Command, writes: TextIO) -> None:
    if command.name == "help":
        for known in COMMANDS:
            if known.name in _COMMANDS_HERE:
                _say(writes, f"{known.usage}: {known.summary}")
        _say(writes, "ctrl+c: stop the answer, keep the draft")
        _say(writes, "A line that begins with a space is sent as it is.")
    elif command.name == "new":
        session.forget()
        _say(writes, "A new conversation.")
    else:
        _say(writes, f"/{command.name} needs the full screen; /help lists what works here.")


def _answer(session: Session, prompt: str, writes: TextIO) -> None:
    turn = session.begin(prompt)
    is_over = Flag()

    def show(event: Event) -> None:
        if isinstance(event, CanvasCommitted):
            writes.write(visible(event.text))
            writes.flush()

    def run() -> None:
        try:
            session.run(turn, show)
        finally:
            is_over.set()

    with _interrupt_cancels(turn):
        writes.write("Answer: ")
        writes.flush()
        Thread(target=run, name="dgchat-engine", daemon=True).start()
        while not is_over.wait(_POLL_SECONDS):
            pass
        session.conclude(turn)
        _say(writes, _ending(turn))


@contextmanager
def _interrupt_cancels(turn: Turn) -> Generator[None]:
    """ctrl+c stops the turn within a step, wherever the main thread is; a second one leaves the chat."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if turn.cancelled.is_set():
            raise KeyboardInterrupt
        turn.cancelled.set()

    earlier = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def _ending(turn: Turn) -> str:
    """What is said about a turn that is over, on a line below its text."""
    written = "".join(canvas.text for canvas in turn.committed)
    return ("" if not written or written.endswith("\n") else "\n") + _outcome(turn)


def _outcome(turn: Turn) -> str:
    if turn.error is not None:
        return f"Error: {turn.error}"
    if turn.stopped_at is not None:
        return "Stopped." if turn.is_remote else f"Stopped at step {turn.stopped_at}."
    if turn.finished is None:
        return "No answer."
    if turn.is_remote:
        seconds = f"{turn.finished.stats.denoise_seconds:.1f} seconds; the server does not tell its steps."
        return f"{turn.finished.note}. {seconds}" if turn.finished.note else seconds
    stats = turn.finished.stats
    ended = "Cut at its token limit. " if turn.is_cut else ""
    return f"{ended}{stats.denoising_steps} steps, {stats.tokens_per_second:.0f} tokens per second."


def _say(writes: TextIO, text: str) -> None:
    writes.write(visible(text) + "\n")
    writes.flush()
