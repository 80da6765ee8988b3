"""The engine of a keeper, as a one-shot sees it; if the keeper is not there or breaks, its own."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dgchat.engine.events import (
    BatchListener,
    CancelSignal,
    Engine,
    EngineInfo,
    EventListener,
    Finished,
    GenerationRequest,
    LoadProgress,
    OutcomeListener,
)
from dgchat.engine.in_turn import generate_all
from dgchat.errors import DgchatError, StreamError
from dgchat.keep.place import Place
from dgchat.keep.talk import (
    DONE,
    ENGINE,
    batch_lines,
    hear,
    is_welcome,
    read_info,
    request_fields,
    say,
)
from dgchat.posix import connect
from dgchat.session.loading import EngineLoader, Loading
from dgchat.stream.answered import Answered
from dgchat.stream.fields import Fields
from dgchat.stream.lines import Decoder, StreamEvent, fields_of

WAITING = "waiting: the kept model is answering somebody else"


_WELCOME_SECONDS = 2.0
"""A keeper that says nothing for so long has broken."""


class _GoneError(Exception):
    """The keeper is not there, or went away before it told anything."""


class KeptEngine:
    """Implements `BatchEngine`; each answer is a visit, so that others have their turn in between, and each
    batch is one.
    """

    def __init__(
        self,
        place: Place,
        keep_seconds: int | None,
        load: EngineLoader,
        loading: Loading,
        visit: socket.socket | None,
    ) -> None:
        """`visit`: what `begin_visit` has opened, None to open it here."""
        self._load = load
        self._loading = loading
        self._open = lambda: _Visiting(begin_visit(place, keep_seconds), loading)
        self._visiting: _Visiting | None = self._open() if visit is None else _Visiting(visit, loading)
        self._info = self._visiting.info
        self._own: Engine | None = None

    def info(self) -> EngineInfo:
        """What the keeper has loaded."""
        return self._own.info() if self._own else self._info

    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        """Let the keeper answer; DgchatError as with any engine, or if the keeper breaks in mid-answer."""
        if self._own is None:
            try:
                visiting, self._visiting = self._visiting or self._open(), None
                return visiting.ask(request, on_event, cancelled)
            except _GoneError:
                self._own = self._load(self._loading)
        return self._own.generate(request, on_event, cancelled)

    def generate_batch(
        self,
        requests: Iterable[GenerationRequest],
        size: int,
        on_event: BatchListener,
        on_outcome: OutcomeListener,
        cancelled: CancelSignal,
    ) -> None:
        """Let the keeper answer them together, in one visit; those that it leaves behind when it breaks are
        answered here.
        """
        waiting = dict(enumerate(requests))

        def take(number: int, outcome: Finished | DgchatError) -> None:
            del waiting[number]
            on_outcome(number, outcome)

        if self._own is None:
            try:
                visiting, self._visiting = self._visiting or self._open(), None
                visiting.ask_together(list(waiting.values()), size, on_event, take, cancelled)
            except _GoneError:
                if cancelled.is_set():
                    return
                self._own = self._load(self._loading)
            else:
                return
        numbers = list(waiting)
        generate_all(
            self._own,
            list(waiting.values()),
            size,
            lambda index, event: on_event(numbers[index], event),
            lambda index, outcome: on_outcome(numbers[index], outcome),
            cancelled,
        )


class _Visiting:
    """A connection that has the engine's attention; _GoneError if it cannot be had."""

    def __init__(self, connection: socket.socket | None, loading: Loading) -> None:
        if connection is None:
            raise _GoneError
        self._connection = connection
        try:
            self.info = self._wait_until_ready(loading)
        except (OSError, StreamError, TypeError) as error:
            raise _GoneError from error

    def ask(self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal) -> Finished:
        """The answer, its events passed on."""
        has_begun = False
        try:
            with self._connection:
                say(self._connection, {"request": request_fields(request)})
                decoder = Decoder()
                for line in hear(self._connection, cancelled):
                    event = decoder.decode(line)
                    if isinstance(event, DgchatError):
                        raise event
                    if isinstance(event, Answered):
                        return event.finished
                    has_begun = True
                    on_event(event)
        except (OSError, StreamError) as error:
            if not has_begun:
                raise _GoneError from error
        if not has_begun:
            raise _GoneError
        raise DgchatError("the process that kept the model has gone", hint="ask again")

    def ask_together(
        self,
        requests: Sequence[GenerationRequest],
        size: int,
        on_event: BatchListener,
        on_outcome: OutcomeListener,
        cancelled: CancelSignal,
    ) -> None:
        """The answers to all, as `BatchEngine` promises; _GoneError if the keeper breaks before it has told
        every outcome.
        """
        decoders = [Decoder() for _ in requests]
        with self._connection:
            for fields in self._told_of(batch_lines(requests, size), cancelled):
                if fields.raw.get("keeper") == DONE:
                    return
                if "row" not in fields.raw:
                    _raise_told(fields)
                number, event = _row_event(fields, decoders)
                if isinstance(event, Answered):
                    on_outcome(number, event.finished)
                elif isinstance(event, DgchatError):
                    on_outcome(number, event)
                else:
                    on_event(number, event)
        raise _GoneError

    def _told_of(self, asked: Iterable[Mapping[str, object]], cancelled: CancelSignal) -> Iterator[Fields]:
        try:
            for fields in asked:
                say(self._connection, fields)
            yield from map(fields_of, hear(self._connection, cancelled))
        except (OSError, StreamError) as error:
            raise _GoneError from error

    def _wait_until_ready(self, loading: Loading) -> EngineInfo:
        for fields in map(fields_of, self._lines(loading)):
            told = fields.raw.get("keeper")
            if told == "ready":
                return read_info(fields.object("info").raw)
            if told == "waiting":
                loading.tell_wait(WAITING)
            elif told == "plan":
                loading.take_plan(fields.text("plan"))
            elif told == "loading":
                loading.report(LoadProgress(fields.whole("done_bytes"), fields.whole("total_bytes")))
            else:
                _raise_told(fields)
        raise _GoneError

    def _lines(self, loading: Loading) -> Iterator[bytes]:
        return hear(self._connection, loading.cancelled)


def _row_event(fields: Fields, decoders: Sequence[Decoder]) -> tuple[int, StreamEvent]:
    try:
        number = fields.whole("row")
        return number, decoders[number].read(fields)
    except (StreamError, IndexError) as error:
        raise _GoneError from error


def _raise_told(fields: Fields) -> None:
    event = Decoder().read(fields)
    if isinstance(event, DgchatError):
        raise event


def begin_visit(place: Place, keep_seconds: int | None) -> socket.socket | None:
    """A connection to this user's keeper that has been asked for its engine; None if none answers there."""
    try:
        connection = connect(place.socket, _WELCOME_SECONDS)
    except OSError:
        return None
    try:
        say(connection, {"ask": ENGINE, "keep_seconds": keep_seconds})
        if is_welcome(connection, _WELCOME_SECONDS):
            return connection
    except OSError:
        pass
    connection.close()
    return None


def kept_loader(
    place: Place, keep_seconds: int | None, load: EngineLoader, visit: socket.socket | None = None
) -> EngineLoader:
    """A loader that finds the keeper's engine, at first over `visit`, or loads its own where there is none
    any more.
    """

    def open_kept(loading: Loading) -> Engine:
        try:
            return KeptEngine(place, keep_seconds, load, loading, visit)
        except _GoneError:
            return load(loading)

    return open_kept
