"""The work behind a one-shot: load the engine, ask it, keep what it tells."""

from __future__ import annotations

from dataclasses import replace

from dgchat.api import fresh_seed
from dgchat.engine.events import ChatMessage, EngineInfo, GenerationRequest
from dgchat.errors import UsageError, as_dgchat_error
from dgchat.session.loading import EngineLoader, Loading
from dgchat.session.turn import Turn, TurnSettings
from dgchat.settings import Settings

ONE_SHOT_CANVASES = 2
"""Canvases an answer may take when nobody says otherwise."""


class Answering:
    """One prompt on its way to an answer; `run` may be called in a thread, the rest is for looking on."""

    def __init__(self, prompt: str, settings: Settings, engine_loader: EngineLoader) -> None:
        turn = TurnSettings.of(settings)
        seed = fresh_seed() if turn.seed is None else turn.seed
        self._engine_loader = engine_loader
        self.loading = Loading()
        self.turn = Turn(prompt, replace(turn, seed=seed))
        self.info: EngineInfo | None = None
        self.request: GenerationRequest | None = None

    @property
    def is_generating(self) -> bool:
        """Whether the engine has been asked, and so listens to `turn.cancelled`."""
        return self.request is not None

    def run(self) -> None:
        """Load and answer; afterwards `turn.finished` is set. DgchatError says what went wrong."""
        try:
            engine = self._engine_loader(self.loading)
            self.info = engine.info()
            self.request = request_for(self.turn, self.info)
            self.turn.finished = engine.generate(self.request, self.turn.record, self.turn.cancelled)
        except Exception as error:
            raise as_dgchat_error(error, "The engine failed") from error


def request_for(turn: Turn, info: EngineInfo) -> GenerationRequest:
    """The request that the turn's settings make of this model."""
    settings = turn.settings
    if settings.thinking and not info.can_think:
        raise UsageError(f"{info.model} has no thought channel", hint="leave out --think")
    system = (ChatMessage("system", settings.system),) if settings.system else ()
    return GenerationRequest(
        messages=(*system, ChatMessage("user", turn.prompt)),
        max_new_tokens=settings.max_tokens or ONE_SHOT_CANVASES * info.canvas_length,
        sampler=settings.sampler(info.sampler),
        seed=turn.seed,
        thinking=settings.thinking,
    )
