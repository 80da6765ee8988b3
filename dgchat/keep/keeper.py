"""The process with the model: one visit after another, until nobody has come for its time."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from time import monotonic

from dgchat import __version__
from dgchat.engine.events import Engine, Finished, GenerationRequest, LoadProgress
from dgchat.engine.in_turn import generate_all
from dgchat.errors import DgchatError, StreamError, as_dgchat_error, forget_frames
from dgchat.keep.talk import DONE, ENGINE, HERE, STATUS, STOP, hear, info_fields, read_request, say
from dgchat.keep.visit import Visit
from dgchat.posix import is_own_user
from dgchat.session.loading import EngineLoader, Loading
from dgchat.settings import Settings
from dgchat.stream.answered import Answered
from dgchat.stream.fields import Fields
from dgchat.stream.lines import Encoder, StreamEvent, fields_of, line_of

_REQUEST_SECONDS = 30.0
"""A visitor who has the engine and asks nothing for so long is sent away."""

_LAST_WORDS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What a keeper is started with."""

    settings: Settings
    """Model, device and context."""
    load: EngineLoader
    """Loads them."""
    seconds: int
    """How long to stay after the last answer."""


class Keeper:
    """Answers in the thread that calls `serve`; connections are read in threads of their own."""

    def __init__(self, kept: Kept, clock: Callable[[], float] = monotonic) -> None:
        self._kept = kept
        self._seconds = kept.seconds
        self._clock = clock
        self._visits: SimpleQueue[Visit | None] = SimpleQueue()
        self._visit: Visit | None = None
        self._engine: Engine | None = None
        self._stopping = Flag()
        self._began = self._idle_since = clock()

    def serve(self, listening: socket.socket) -> None:
        """Until `stop`, or until the time is over, or the model cannot be loaded."""
        Thread(target=self._accept, args=(listening,), daemon=True).start()
        visit: Visit | None = None
        while not self._stopping.is_set():
            try:
                coming = self._visits.get(timeout=max(0.0, self._expires_in()))
            except Empty:
                break
            if coming is None:
                break
            self._visit = visit = coming
            self._receive(visit)
            self._visit, self._idle_since = None, self._clock()
            if self._engine is None:
                break
        if visit is not None:
            visit.wait_until_sent(_LAST_WORDS_SECONDS)

    def stop(self) -> None:
        """End the answer that is being given, and then `serve`; may be called by a signal or any thread."""
        self._stopping.set()
        if self._visit is not None:
            self._visit.cancelled.set()
        self._visits.put(None)

    def status(self) -> dict[str, object]:
        """What `dgchat ps` shows; times in seconds."""
        info = self._engine.info() if self._engine else None
        settings, is_busy = self._kept.settings, self._visit is not None
        return {
            "pid": os.getpid(),
            "model": info.model if info else settings.model or "",
            "device": info.device if info else settings.device,
            "context": settings.context,
            "version": __version__,
            "state": "answering" if is_busy and info else "loading" if is_busy else "idle",
            "age_seconds": round(self._clock() - self._began, 3),
            "idle_seconds": 0.0 if is_busy else round(self._clock() - self._idle_since, 3),
            "expires_in_seconds": float(self._seconds) if is_busy else round(self._expires_in(), 3),
        }

    def _expires_in(self) -> float:
        return self._seconds - (self._clock() - self._idle_since)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        """Read one connection to its end; whoever speaks another language, or is another user, is cut off."""
        visit: Visit | None = None
        with suppress(OSError, StreamError):
            if not is_own_user(connection):
                raise StreamError("it is another user")
            lines = hear(connection)
            asked = fields_of(next(lines, b""))
            if asked.raw.get("ask") == ENGINE:
                visit = Visit(connection, asked.whole_or_null("keep_seconds"))
                visit.pass_on(HERE)
                if self._visit is not None or not self._visits.empty():
                    visit.tell("waiting")
                self._visits.put(visit)
                for line in lines:
                    visit.inbox.put(line)
            else:
                self._reply(connection, asked.raw.get("ask"))
        if visit is not None:
            visit.leave()
        elif not self._stopping.is_set():  # while it stops, a connection closes with the process
            connection.close()

    def _reply(self, connection: socket.socket, ask: object) -> None:
        if ask == STATUS:
            say(connection, self.status())
        elif ask == STOP:
            self.stop()

    def _receive(self, visit: Visit) -> None:
        try:
            if visit.keep_seconds is not None:
                self._seconds = visit.keep_seconds
            self._serve_visit(visit)
        except Exception as error:
            forget_frames(error)
            visit.pass_on(Encoder().encode(as_dgchat_error(error, "The engine failed")))
        visit.end()

    def _serve_visit(self, visit: Visit) -> None:
        if self._engine is None:
            self._engine = self._kept.load(_ToldLoading(visit))
        engine = self._engine
        visit.tell("ready", info=info_fields(engine.info()))
        asked = _next(visit)
        if asked is None:
            return
        if "batch" in asked.raw:
            _answer_batch(engine, visit, asked.object("batch"))
        else:
            _answer(engine, visit, asked)


def _answer(engine: Engine, visit: Visit, asked: Fields) -> None:
    request = read_request(asked.object("request").raw)
    encoder = Encoder()
    finished = engine.generate(request, lambda event: visit.pass_on(encoder.encode(event)), visit.cancelled)
    visit.pass_on(encoder.encode(Answered.of(finished, request, engine.info())))


def _answer_batch(engine: Engine, visit: Visit, batch: Fields) -> None:
    """Answer requests together as they come; every line of an answer says which it belongs to."""
    requests: list[GenerationRequest] = []
    encoders: list[Encoder] = []

    def coming() -> Iterator[GenerationRequest]:
        for _ in range(batch.whole("count")):
            if (asked := _next(visit)) is None:
                return
            requests.append(read_request(asked.object("request").raw))
            encoders.append(Encoder())
            yield requests[-1]

    def tell(number: int, event: StreamEvent) -> None:
        visit.pass_on(line_of({"row": number, **encoders[number].fields(event)}))

    def tell_outcome(number: int, outcome: Finished | DgchatError) -> None:
        is_error = isinstance(outcome, DgchatError)
        tell(number, outcome if is_error else Answered.of(outcome, requests[number], engine.info()))

    generate_all(engine, coming(), batch.whole("size", 1), tell, tell_outcome, visit.cancelled)
    visit.tell(DONE)


def _next(visit: Visit) -> Fields | None:
    """What the visitor asks next; None if there is nothing more."""
    try:
        line = visit.inbox.get(timeout=_REQUEST_SECONDS)
    except Empty:
        raise DgchatError("nothing was asked") from None
    return None if line is None else fields_of(line)


class _ToldLoading(Loading):
    """A loading that a visitor hears of, and that ends when the visitor goes."""

    def __init__(self, visit: Visit) -> None:
        super().__init__()
        self._visit = visit
        self.cancelled = visit.cancelled
        self.on_plan = lambda plan: visit.tell("plan", plan=plan)

    def report(self, progress: LoadProgress) -> None:
        """Pass on how far it is."""
        self._visit.tell("loading", done_bytes=progress.done_bytes, total_bytes=progress.total_bytes)
