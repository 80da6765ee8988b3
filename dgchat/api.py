"""The library face: a model that answers prompts, with the same engine and loop as the screen and the command
line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Flag
from typing import overload

from dgchat.engine.events import (
    CancelSignal,
    CanvasStep,
    ChatMessage,
    Engine,
    EngineInfo,
    Event,
    FinishReason,
    GenerationRequest,
    GenerationStats,
    LoadListener,
)
from dgchat.engine.trace import Trace
from dgchat.errors import NotDownloadedError, UsageError
from dgchat.hub.cache import needs_download
from dgchat.hub.download import fetch
from dgchat.paths import bundled_model

Message = ChatMessage | Mapping[str, str]
StepListener = Callable[[CanvasStep], None]


def fresh_seed() -> int:
    """A seed for an answer that asked for none; short enough to read out."""
    return secrets.randbelow(1_000_000_000)


def load_engine(
    name: str | Path | None = None,
    device: str = "auto",
    context: int | None = None,
    on_progress: LoadListener | None = None,
    cancelled: CancelSignal | None = None,
    on_plan: Callable[[str], object] | None = None,
    named_by: str = "--model",
) -> Engine:
    """Load a checkpoint (a folder, a cached hub id, or None: what `choose_model` takes) on `auto`, `cpu`,
    `cuda` or `mps`, for prompts and answers of `context` tokens at most (None: as many as fit into memory).

    Before a weight is read `on_plan` is told in a line what memory it will take, or InsufficientMemoryError
    is raised if that is too much; LoadCancelled once `cancelled` is set. `named_by` is where `name` comes
    from, for the reader who has to leave it out.
    """
    from dgchat.checkpoint import open_checkpoint  # torch takes a second to import
    from dgchat.checkpoint.plan import bound_context
    from dgchat.engine.device import choose_device, free_memory, leave_a_core_free
    from dgchat.engine.engine import DiffusionEngine
    from dgchat.engine.model_choice import choose_model
    from dgchat.engine.out_of_memory import refused_when_full

    chosen = choose_device(device)
    choice = choose_model(name, device)
    opened = choice.opened or open_checkpoint(choice.folder)
    available = free_memory(chosen)
    checkpoint, plan = bound_context(opened, chosen, available, context, named_by)
    if on_plan is not None:
        on_plan(f"memory: {plan.beside(available)}")
    leave_a_core_free()
    with refused_when_full(choice.name, chosen, checkpoint.config.max_position_embeddings):
        loaded = checkpoint.load(chosen, on_progress=on_progress, cancelled=cancelled)
    return DiffusionEngine(loaded, choice=choice.reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer; `str(answer)` is its text."""

    text: str
    thought: str
    reason: FinishReason
    stats: GenerationStats
    seed: int
    trace: Trace
    """Every denoising step."""

    def __str__(self) -> str:
        return self.text


class DiffusionGemmaModel:
    """A loaded model."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path | None = None,
        device: str = "auto",
        download: bool = False,
        context: int | None = None,
    ) -> DiffusionGemmaModel:
        """Load a folder, a hub id in the Hugging Face cache, or, without a name, the bundled model; with
        `download` a hub id is fetched first where the cache lacks it, else that is a NotDownloadedError.

        `context` bounds the tokens of prompt and answer together; None: as many as fit into memory.
        """
        if isinstance(name, str) and needs_download(name):
            if not download:
                raise NotDownloadedError(
                    f"{name} is not in the Hugging Face cache",
                    hint=f"dgchat models pull {name}, or from_pretrained({name!r}, download=True)",
                )
            fetch(name)
        return cls(load_engine(bundled_model() if name is None else name, device, context))

    def info(self) -> EngineInfo:
        """What is loaded, and where."""
        return self._engine.info()

    @overload
    def generate(
        self,
        prompt: str | Sequence[Message],
        num_diffusion_steps: int | None = ...,
        max_tokens: int | None = ...,
        on_step: StepListener | None = ...,
        seed: int | None = ...,
        system: str | None = ...,
        thinking: bool = ...,
    ) -> Answer: ...
    @overload
    def generate(
        self,
        prompt: list[str],
        num_diffusion_steps: int | None = ...,
        max_tokens: int | None = ...,
        on_step: StepListener | None = ...,
        seed: int | None = ...,
        system: str | None = ...,
        thinking: bool = ...,
    ) -> list[Answer]: ...

    def generate(
        self,
        prompt: str | Sequence[Message] | list[str],
        num_diffusion_steps: int | None = None,
        max_tokens: int | None = None,
        on_step: StepListener | None = None,
        seed: int | None = None,
        system: str | None = None,
        thinking: bool = False,
    ) -> Answer | list[Answer]:
        """Answer a prompt, a list of messages, or each of a list of prompts in turn.

        `num_diffusion_steps` and `max_tokens` default to the checkpoint's own, `seed` to a fresh one;
        `on_step` is called after every denoising step. Raises DgchatError for what cannot be answered.
        """
        own = self._engine.info()
        request = GenerationRequest(
            messages=(),
            max_new_tokens=own.max_new_tokens if max_tokens is None else max_tokens,
            sampler=own.sampler
            if num_diffusion_steps is None
            else replace(own.sampler, max_denoising_steps=num_diffusion_steps),
            seed=fresh_seed() if seed is None else seed,
            thinking=thinking,
        )
        if isinstance(prompt, list) and prompt and all(isinstance(one, str) for one in prompt):
            return [
                self._answer(replace(request, messages=_messages(str(one), system)), on_step)
                for one in prompt
            ]
        return self._answer(replace(request, messages=_messages(prompt, system)), on_step)

    def _answer(self, request: GenerationRequest, on_step: StepListener | None) -> Answer:
        trace = Trace()

        def listen(event: Event) -> None:
            trace.record(event)
            if on_step is not None and isinstance(event, CanvasStep):
                on_step(event)

        done = self._engine.generate(request, listen, Flag())
        return Answer(done.text, done.thought, done.reason, done.stats, request.seed, trace)


def _messages(prompt: str | Sequence[Message] | Sequence[str], system: str | None) -> tuple[ChatMessage, ...]:
    first = (ChatMessage("system", system),) if system else ()
    if isinstance(prompt, str):
        return (*first, ChatMessage("user", prompt))
    if not isinstance(prompt, Sequence):
        raise UsageError(
            f"{prompt!r} is no prompt", hint="give a text, a list of messages or a list of texts"
        )
    return (*first, *map(_message, prompt))


def _message(message: Message | str) -> ChatMessage:
    if isinstance(message, ChatMessage):
        return message
    if not isinstance(message, Mapping) or not all(
        isinstance(message.get(n), str) for n in ("role", "content")
    ):
        raise UsageError(
            f"{message!r} is no message", hint='give {"role": ..., "content": ...} or ChatMessage'
        )
    return ChatMessage(message["role"], message["content"])
