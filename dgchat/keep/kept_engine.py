"""The engine of a keeper, as a one-shot sees it; if the keeper is not there or breaks, its own."""

from __future__ import annotations

from collections.abc import Iterator

from dgchat.engine.events import (
    CancelSignal,
    Engine,
    EngineInfo,
    EventListener,
    Finished,
    GenerationRequest,
    LoadProgress,
)
from dgchat.errors import DgchatError, StreamError
from dgchat.keep.place import Place
from dgchat.keep.posix import connect
from dgchat.keep.talk import ENGINE, hear, read_info, request_fields, say
from dgchat.session.loading import EngineLoader, Loading
from dgchat.stream.answered import Answered
from dgchat.stream.fields import Fields
from dgchat.stream.lines import Decoder, fields_of

WAITING = "waiting: the kept model is answering somebody else"


class _GoneError(Exception):
    """The keeper is not there, or went away before it told anything."""


class KeptEngine:
    """Implements `Engine`; each answer is a visit, so that others have their turn in between."""

    def __init__(self, place: Place, keep_seconds: int | None, load: EngineLoader, loading: Loading) -> None:
        self._load = load
        self._loading = loading
        self._open = lambda: _Visiting(place, keep_seconds, loading)
        self._visiting: _Visiting | None = self._open()
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


class _Visiting:
    """A connection that has the engine's attention; _GoneError if it cannot be had."""

    def __init__(self, place: Place, keep_seconds: int | None, loading: Loading) -> None:
        try:
            self._connection = connect(place.socket)
            say(self._connection, {"ask": ENGINE, "keep_seconds": keep_seconds})
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


def _raise_told(fields: Fields) -> None:
    event = Decoder().read(fields)
    if isinstance(event, DgchatError):
        raise event


def kept_loader(place: Place, keep_seconds: int | None, load: EngineLoader) -> EngineLoader:
    """A loader that finds the keeper's engine, or loads its own where there is none any more."""

    def open_kept(loading: Loading) -> Engine:
        try:
            return KeptEngine(place, keep_seconds, load, loading)
        except _GoneError:
            return load(loading)

    return open_kept
