"""`--jsonl`: every event as a line, as it happens."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import TextIO

from dgchat.engine.events import Event
from dgchat.errors import DgchatError
from dgchat.one_shot.answering import Answering
from dgchat.one_shot.worker import Worker
from dgchat.stream.lines import Encoder, StreamEvent

_POLL_SECONDS = 0.5
"""How often the wait for an event is interrupted, where a signal alone does not do that."""

Events = SimpleQueue[Event | None]


def run_streamed(answering: Answering, out: TextIO) -> None:
    """Answer in a thread and write its events, the last one an answer or an error; raises what the engine
    raised. The engine never waits for whoever reads, and stops when that one has gone.
    """
    events: Events = SimpleQueue()
    answering.on_event = events.put
    worker = Worker(answering.run, when_over=lambda: events.put(None))
    lines = _Lines(out, answering.turn.prompt)
    worker.start()
    try:
        for event in _until_over(events):
            lines.write(event)
    except OSError:
        answering.stop()
        worker.join()
        raise
    if worker.failure is not None:
        if isinstance(worker.failure, DgchatError):
            lines.write(worker.failure)
        raise worker.failure
    lines.write(answering.answered())


class _Lines:
    def __init__(self, out: TextIO, prompt: str) -> None:
        self._out = out
        self._encoder = Encoder(prompt)

    def write(self, event: StreamEvent) -> None:
        self._out.write(self._encoder.encode(event))
        self._out.flush()


def _until_over(events: Events) -> Iterator[Event]:
    while True:
        try:
            event = events.get(timeout=_POLL_SECONDS)
        except Empty:
            continue
        if event is None:
            return
        yield event
