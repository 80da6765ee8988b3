"""A turn in lines of text: its answer, canvas by canvas, and how it ended."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from types import FrameType
from typing import TextIO

from dgchat.engine.events import CanvasCommitted, Event
from dgchat.safe_text import visible
from dgchat.session.session import Session
from dgchat.session.turn import Turn

POLL_SECONDS = 0.1


def answer(session: Session, turn: Turn, writes: TextIO) -> None:
    """Answer the turn; ctrl+c stops it and keeps the draft."""
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
        while not is_over.wait(POLL_SECONDS):
            pass
        session.conclude(turn)
        say(writes, _ending(turn))


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


def say(writes: TextIO, text: str) -> None:
    """Write a line at once."""
    writes.write(visible(text) + "\n")
    writes.flush()
