"""A chat in lines of text, for screen readers and for terminals that only print."""

from __future__ import annotations

from threading import Thread
from typing import TextIO

from dgchat.engine.events import CanvasCommitted, Event
from dgchat.errors import DgchatError
from dgchat.safe_text import visible
from dgchat.session.session import Session
from dgchat.session.turn import Turn

_POLL_SECONDS = 0.1


def run_plain(session: Session, reads: TextIO, writes: TextIO) -> int:
    """Ask and answer until the input ends or says /quit; returns the exit code."""
    _say(writes, "Loading the model.")
    try:
        info = session.load()
    except DgchatError as error:
        _say(writes, f"Error: {error}")
        return error.exit_code
    _say(writes, f"{info.model} on {info.device}. Write a line and press enter; /quit leaves.")
    while (prompt := _ask(reads, writes)) is not None:
        if prompt.strip():
            _answer(session, prompt, writes)
    return 0


def _ask(reads: TextIO, writes: TextIO) -> str | None:
    writes.write("You: ")
    writes.flush()
    try:
        line = reads.readline()
    except KeyboardInterrupt:
        line = ""
    return None if not line or line.strip() == "/quit" else line.rstrip("\n")


def _answer(session: Session, prompt: str, writes: TextIO) -> None:
    turn = session.begin(prompt)

    def show(event: Event) -> None:
        if isinstance(event, CanvasCommitted) and event.text.strip():
            _say(writes, event.text.strip("\n"))

    writes.write("Answer: ")
    worker = Thread(target=session.run, args=(turn, show), daemon=True)
    worker.start()
    while worker.is_alive():
        try:
            worker.join(_POLL_SECONDS)
        except KeyboardInterrupt:
            session.cancel()
    session.conclude(turn)
    _say(writes, _ending(turn))


def _ending(turn: Turn) -> str:
    if turn.error is not None:
        return f"Error: {turn.error}"
    if turn.stopped_at is not None:
        return f"Stopped at step {turn.stopped_at}."
    if turn.finished is None:
        return "No answer."
    stats = turn.finished.stats
    ended = "Cut at its token limit. " if turn.is_cut else ""
    return f"{ended}{stats.denoising_steps} steps, {stats.tokens_per_second:.0f} tokens per second."


def _say(writes: TextIO, text: str) -> None:
    writes.write(visible(text) + "\n")
    writes.flush()
