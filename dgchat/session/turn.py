"""One prompt and the answer it got, or is getting."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Event as Flag
from time import time

from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStarted,
    ChatMessage,
    Event,
    Finished,
    FinishReason,
    Prefilled,
    Prefilling,
    SamplerConfig,
)
from dgchat.engine.trace import Trace
from dgchat.errors import DgchatError
from dgchat.session.attachments import Attachment, with_attachments
from dgchat.session.refining import Refining
from dgchat.settings import Settings

SAMPLER_SETTINGS = ("entropy_bound", "t_min", "t_max", "stability_threshold", "confidence_threshold")
"""Fields of `SamplerConfig` that a turn may change besides its steps."""


@dataclass(frozen=True, slots=True)
class TurnSettings:
    steps: int | None = None
    """Most denoising steps on one canvas; None for the checkpoint's own."""
    max_tokens: int | None = None
    """Most tokens of the answer; None for the chat's default."""
    entropy_bound: float | None = None
    """As in `SamplerConfig`, here and below; None for the checkpoint's own."""
    t_min: float | None = None
    t_max: float | None = None
    stability_threshold: int | None = None
    confidence_threshold: float | None = None
    seed: int | None = None
    """None for a fresh seed every turn."""
    thinking: bool = False
    """Ask the model to think first."""
    system: str = ""
    """Instructions for the model, empty for none."""
    alternatives: bool = False
    """Record the most likely tokens of every position and step."""

    @classmethod
    def of(cls, settings: Settings) -> TurnSettings:
        """What the settings ask of every turn."""
        return cls(
            steps=settings.steps,
            max_tokens=settings.max_tokens,
            entropy_bound=settings.entropy_bound,
            t_min=settings.t_min,
            t_max=settings.t_max,
            stability_threshold=settings.stability_threshold,
            confidence_threshold=settings.confidence_threshold,
            seed=settings.seed,
            thinking=settings.thinking,
            system=settings.system,
            alternatives=settings.alternatives,
        )

    def sampler(self, own: SamplerConfig) -> SamplerConfig:
        """The checkpoint's own sampler, but for what is asked for."""
        asked = {name: getattr(self, name) for name in SAMPLER_SETTINGS}
        given = {name: value for name, value in asked.items() if value is not None}
        return replace(own, max_denoising_steps=self.steps or own.max_denoising_steps, **given)


@dataclass(slots=True, eq=False)
class Turn:
    """Written by the engine's thread, read by the screen; fields are replaced whole, so no reader waits."""

    prompt: str
    """What the person asked."""
    settings: TurnSettings
    """As they were when the turn was sent, the seed drawn."""
    replaces: Turn | None = None
    """The earlier turn with the same prompt that this one takes the place of, once it has an answer."""
    begun: str = ""
    """The text of the replaced turn, if this one goes on with it."""
    attachments: tuple[Attachment, ...] = ()
    """The files that the prompt mentions."""
    parent: Turn | None = None
    """The turn before it; None for a first one."""
    id: str = ""
    """What a person types to name it; empty as long as it is not stored."""
    asked: float = field(default_factory=time)
    """When it was sent, in seconds since 1970."""
    model: str = ""
    """Who answers; empty until that is known."""
    trace: Trace = field(default_factory=Trace)
    """Every denoising step so far."""
    cancelled: Flag = field(default_factory=Flag)
    """Set to stop between two steps."""
    prefilling: Prefilling | None = None
    """How much of a long prompt has been encoded."""
    prefilled: Prefilled | None = None
    """Known once the prompt has been encoded."""
    canvas: CanvasStarted | None = None
    """The canvas that is being denoised, or was last."""
    committed: tuple[CanvasCommitted, ...] = ()
    """The canvases that are done."""
    refining: Refining | None = None
    """The draft that it refines, if it does."""
    finished: Finished | None = None
    """Set at the end of an answer, cancelled ones included."""
    error: DgchatError | None = None
    """Set if there will be no answer."""

    @property
    def is_over(self) -> bool:
        """Whether the engine is done with it."""
        return self.finished is not None or self.error is not None

    @property
    def is_remote(self) -> bool:
        """Whether it is answered by a server: the answer arrives in parts, and steps are not told."""
        return self.canvas is not None and self.prefilled is None

    @property
    def reading(self) -> str:
        """What the engine does before the first step, in words."""
        if self.prefilling is None:
            return "reading the prompt"
        return f"reading {self.prefilling.done_tokens:,} of {self.prefilling.prompt_tokens:,} tokens"

    @property
    def seed(self) -> int:
        """The seed that the answer is a function of."""
        return self.settings.seed or 0

    @property
    def question(self) -> str:
        """The prompt as the model reads it, with its attachments."""
        return with_attachments(self.prompt, self.attachments)

    @property
    def text(self) -> str:
        """The answer, or as much of it as there is."""
        new = self.finished.text if self.finished else "".join(canvas.text for canvas in self.committed)
        return self.begun + new

    @property
    def thought(self) -> str:
        """The thought channel, empty if there was none."""
        own = self.finished.thought if self.finished else ""
        return self.replaces.thought if self.begun and self.replaces else own

    @property
    def is_cut(self) -> bool:
        """Whether the answer reached its length limit before its end."""
        return self.finished is not None and self.finished.reason is FinishReason.LENGTH

    @property
    def stopped_at(self) -> str | None:
        """`17/48` if the reader stopped the answer within a canvas, None if nobody did."""
        if self.finished is None or self.finished.reason is not FinishReason.CANCELLED:
            return None
        if not len(self.trace):
            return "0"
        last = self.trace[len(self.trace) - 1]
        return f"{last.step}/{last.max_steps}"

    def record(self, event: Event) -> None:
        """Keep what the engine tells."""
        self.trace.record(event)
        if isinstance(event, Prefilling):
            self.prefilling = event
        elif isinstance(event, Prefilled):
            self.prefilled = event
        elif isinstance(event, CanvasStarted):
            self.canvas = event
        elif isinstance(event, CanvasCommitted):
            self.committed = (*self.committed, event)

    def messages(self) -> tuple[ChatMessage, ...]:
        """The turn as the model will remember it; nothing if it has no answer, not even a draft."""
        if self.finished is None or not (self.text or self.thought):
            return ()
        answer = ChatMessage("assistant", self.text, self.thought)
        return ChatMessage("user", self.question), answer
