"""The work behind a one-shot: load the engine, ask it, keep what it tells."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dgchat.api import fresh_seed
from dgchat.engine.events import (
    CanvasCommitted,
    ChatMessage,
    Engine,
    EngineInfo,
    Event,
    EventListener,
    GenerationRequest,
)
from dgchat.errors import UsageError, as_dgchat_error
from dgchat.session.loading import EngineLoader, Loading
from dgchat.session.turn import Turn, TurnSettings
from dgchat.settings import Settings
from dgchat.stream.answered import Answered

if TYPE_CHECKING:  # brings sqlite3, which few one-shots need
    from dgchat.one_shot.continuing import Continuing

ONE_SHOT_CANVASES = 2
"""Canvases an answer may take when nobody says otherwise."""


class Answering:
    """A conversation on its way to an answer; `run` may be called in a thread, the rest is for looking on."""

    def __init__(
        self,
        messages: Sequence[ChatMessage],
        settings: Settings,
        engine_loader: EngineLoader,
        continuing: Continuing | None = None,
    ) -> None:
        """`continuing` keeps the turn, its prompt before the answer begins."""
        turn = TurnSettings.of(settings)
        seed = fresh_seed() if turn.seed is None else turn.seed
        self._messages = tuple(messages)
        self._engine_loader = engine_loader
        self._continuing = continuing
        self.loading = Loading()
        self.turn = Turn(messages[-1].text, replace(turn, seed=seed))
        self.engine: Engine | None = None
        self.info: EngineInfo | None = None
        self.seconds = 0.0
        """Wall time of the answer, once it is there."""
        self.request: GenerationRequest | None = None
        self.on_event: EventListener = lambda event: None
        """Told every event, in the thread that works."""

    @property
    def is_loaded(self) -> bool:
        """Whether the model has been loaded."""
        return self.info is not None

    def stop_answer(self) -> bool:
        """End the answer within a step, the draft kept; False if there is none, or it was asked before."""
        if self.request is None or self.turn.cancelled.is_set():
            return False
        self.turn.cancelled.set()
        return True

    def stop(self) -> None:
        """Ask whatever runs, loading or answering, to end soon."""
        self.loading.cancelled.set()
        self.turn.cancelled.set()

    def run(self) -> None:
        """Load and answer; afterwards `turn.finished` is set. DgchatError says what went wrong."""
        try:
            if self._continuing is not None:
                self._continuing.begin(self.turn)
            engine = self.engine = self._engine_loader(self.loading)
            self.info = engine.info()
            self.turn.model = self.info.model
            self.request = request_for(self.turn, self._messages, self.info)
            began = time.monotonic()
            self.turn.finished = engine.generate(self.request, self._record, self.turn.cancelled)
            self.seconds = time.monotonic() - began
        except Exception as error:
            self.turn.error = as_dgchat_error(error, "The engine failed")
            raise self.turn.error from error

    @property
    def canvases(self) -> tuple[tuple[int, ...], ...]:
        """Token ids of the answer's canvases, once `run` is over; none where they were denoised elsewhere."""
        assert self.turn.finished is not None
        return self.turn.trace.final_canvases(self.turn.finished.stats.canvases)

    def answered(self) -> Answered:
        """The answer and all that is told about it, once `run` is over."""
        assert self.turn.finished is not None
        assert self.request is not None
        assert self.info is not None
        return Answered.of(self.turn.finished, self.request, self.info)

    def _record(self, event: Event) -> None:
        self.turn.record(event)
        if self._continuing is not None and isinstance(event, CanvasCommitted):
            self._continuing.keep_draft(self.turn)
        self.on_event(event)


def request_for(turn: Turn, messages: Sequence[ChatMessage], info: EngineInfo) -> GenerationRequest:
    """The request that the turn's settings make of this model; a system message of the conversation's own
    stands before that of the settings.
    """
    settings = turn.settings
    if settings.thinking and not info.can_think:
        raise UsageError(f"{info.model} has no thought channel", hint="leave out --think")
    has_own = messages[0].role == "system"
    system = (ChatMessage("system", settings.system),) if settings.system and not has_own else ()
    return GenerationRequest(
        messages=(*system, *messages),
        max_new_tokens=settings.max_tokens or ONE_SHOT_CANVASES * info.canvas_length,
        sampler=settings.sampler(info.sampler),
        seed=turn.seed,
        thinking=settings.thinking,
        record_alternatives=settings.alternatives,
    )
