"""The library face: a model that answers prompts, with the same engine and loop as the screen and the command
line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, overload

from dgchat.answer import Answer, RowStepListener, StepListener, answer_batch, answer_one
from dgchat.engine.events import (
    DEFAULT_BATCH_SIZE,
    CancelSignal,
    ChatMessage,
    Engine,
    EngineInfo,
    GenerationRequest,
    LoadListener,
)
from dgchat.errors import DgchatError, NotDownloadedError, UsageError
from dgchat.paths import bundled_model

Message = ChatMessage | Mapping[str, str]


def fresh_seed() -> int:
    """A seed for an answer that asked for none; short enough to read out."""
    return secrets.randbelow(1_000_000_000)


def load_engine(  # noqa: PLR0913, PLR0917 - each is a wish of its own
    name: str | Path | None = None,
    device: str = "auto",
    context: int | None = None,
    on_progress: LoadListener | None = None,
    cancelled: CancelSignal | None = None,
    on_plan: Callable[[str], object] | None = None,
    named_by: str = "--model",
    batch: int = 1,
) -> Engine:
    """Load a checkpoint (a folder, a cached hub id, or None: what `choose_model` takes) on `auto`, `cpu`,
    `cuda` or `mps`, for prompts and answers of `context` tokens at most (None: as many as fit into memory),
    `batch` of them together.

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
    checkpoint, plan = bound_context(opened, chosen, available, context, named_by, batch)
    if on_plan is not None:
        on_plan(f"memory: {plan.beside(available)}")
    leave_a_core_free()
    with refused_when_full(choice.name, chosen, checkpoint.config.max_position_embeddings):
        loaded = checkpoint.load(chosen, on_progress=on_progress, cancelled=cancelled)
    return DiffusionEngine(loaded, choice=choice.reason)


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
        from dgchat.hub.cache import needs_download  # a one-shot that finds a kept engine needs no hub
        from dgchat.hub.download import fetch

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
        prompt: list[str] | list[list[Message]] | list[str | list[Message]],
        num_diffusion_steps: int | None = ...,
        max_tokens: int | None = ...,
        on_step: RowStepListener | None = ...,
        seed: int | Sequence[int] | None = ...,
        system: str | None = ...,
        thinking: bool = ...,
        *,
        batch_size: int = ...,
    ) -> list[Answer]: ...

    def generate(  # noqa: PLR0913 - a face spells its options
        self,
        prompt: object,
        num_diffusion_steps: int | None = None,
        max_tokens: int | None = None,
        on_step: Callable[..., None] | None = None,
        seed: int | Sequence[int] | None = None,
        system: str | None = None,
        thinking: bool = False,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> Answer | list[Answer]:
        """Answer a prompt, or several together: a list whose items are all texts or lists of messages is a
        batch, any other list is the messages of one conversation.

        `num_diffusion_steps` and `max_tokens` default to the checkpoint's own, `seed` to fresh ones;
        `on_step` is called with every denoising step. Raises DgchatError for what cannot be answered.

        Of a batch, `batch_size` rows are denoised at a time and answers are in the order of the prompts. Row
        i has the seed `seed + i`, or `seed[i]`, and draws what it would alone; `on_step` is called with the
        row's index and the step. If a row cannot be answered the others still are: BatchError has them.
        """
        own = self._engine.info()
        steps = own.sampler.max_denoising_steps if num_diffusion_steps is None else num_diffusion_steps
        request = GenerationRequest(
            messages=(),
            max_new_tokens=own.max_new_tokens if max_tokens is None else max_tokens,
            sampler=replace(own.sampler, max_denoising_steps=steps),
            thinking=thinking,
        )
        if not _is_batch(prompt):
            if seed is not None and not isinstance(seed, int):
                raise UsageError("several seeds for one prompt", hint="give one, or a list of prompts")
            seed = fresh_seed() if seed is None else seed
            one = replace(request, messages=chat_messages(prompt, system), seed=seed)
            return answer_one(self._engine, one, on_step)
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}", hint="at least 1")
        prompts = cast("list[object]", prompt)
        seeds = _seeds(seed, len(prompts))
        requests = [_request(request, *row, system) for row in zip(prompts, seeds, strict=True)]
        return answer_batch(self._engine, requests, batch_size, on_step)


def _is_batch(prompt: object) -> bool:
    if not isinstance(prompt, list) or not prompt:
        return False
    return all(isinstance(one, Sequence) for one in cast("list[object]", prompt))


def _seeds(seed: int | Sequence[int] | None, count: int) -> list[int]:
    if seed is None:
        return [fresh_seed() for _ in range(count)]
    if isinstance(seed, int):
        return list(range(seed, seed + count))
    if len(seed) != count:
        raise UsageError(f"{len(seed)} seeds for {count} prompts", hint="give as many, or the first one")
    return list(seed)


def _request(
    request: GenerationRequest, prompt: object, seed: int, system: str | None
) -> GenerationRequest | DgchatError:
    try:
        return replace(request, messages=chat_messages(prompt, system), seed=seed)
    except DgchatError as error:
        return error


def chat_messages(prompt: object, system: str | None = None) -> tuple[ChatMessage, ...]:
    """A text or a list of messages as a conversation, which a system text precedes unless it has its own;
    UsageError for anything else.
    """
    if isinstance(prompt, str):
        messages = (ChatMessage("user", prompt),)
    elif isinstance(prompt, Sequence):
        messages = tuple(map(_message, cast("Sequence[object]", prompt)))
    else:
        raise UsageError(
            f"{prompt!r} is no prompt", hint="give a text, a list of messages, or a list of either"
        )
    has_own = bool(messages) and messages[0].role == "system"
    return messages if has_own or not system else (ChatMessage("system", system), *messages)


def _message(message: object) -> ChatMessage:
    if isinstance(message, ChatMessage):
        return message
    fields = cast("Mapping[str, object]", message) if isinstance(message, Mapping) else {}
    role, content = fields.get("role"), fields.get("content")
    if not isinstance(role, str) or not isinstance(content, str):
        raise UsageError(
            f"{message!r} is no message", hint='give {"role": ..., "content": ...} or ChatMessage'
        )
    return ChatMessage(role, content)
