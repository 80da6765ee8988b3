"""DiffusionEngine: a loaded checkpoint that answers one request after another and remembers what it has
encoded.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from dgchat.chat.thought import split_thought
from dgchat.checkpoint.folder import LoadedCheckpoint
from dgchat.engine.canvases import CanvasRun, Tally, encode
from dgchat.engine.draws import Draws
from dgchat.engine.events import (
    MAX_SEED,
    CancelSignal,
    EngineInfo,
    EventListener,
    Finished,
    GenerationRequest,
    GenerationStats,
    Prefilled,
)
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.out_of_memory import refused_when_full
from dgchat.engine.prompt import Prompt, PromptLimits, build_prompt, goes_on
from dgchat.errors import InsufficientMemoryError, UsageError

MakeDraws = Callable[[int, torch.device], Draws]


class DiffusionEngine:
    """The `Engine` of this program, batch 1; not to be shared between threads."""

    def __init__(self, checkpoint: LoadedCheckpoint, make_draws: MakeDraws = Draws, choice: str = "") -> None:
        self.checkpoint = checkpoint
        self._choice = choice
        self.cache = self._empty_cache()
        self._make_draws = make_draws

    def info(self) -> EngineInfo:
        """What is loaded, and where."""
        loaded, config = self.checkpoint, self.checkpoint.model.config
        return EngineInfo(
            model=loaded.name,
            device=_device_name(loaded.device),
            dtype=_dtype_name(loaded),
            parameters=loaded.num_weights,
            canvas_length=config.canvas_length,
            context_length=config.max_position_embeddings,
            sampler=loaded.generation.sampler,
            max_new_tokens=loaded.generation.max_new_tokens,
            can_think=loaded.template.can_think,
            ops_reason=loaded.ops_reason,
            choice=self._choice,
        )

    @torch.inference_mode()
    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        """Answer the request; PromptError or UsageError if it cannot be, a cancelled answer is no error.

        InsufficientMemoryError if the device is full; the next request then begins with an empty cache.
        """
        self._check(request)
        loaded = self.checkpoint
        context_length = loaded.model.config.max_position_embeddings
        try:
            with refused_when_full(loaded.name, loaded.device.type, context_length):
                return self._answer(request, on_event, cancelled)
        except InsufficientMemoryError:
            self.cache = self._empty_cache()
            if loaded.device.type == "cuda":
                torch.cuda.empty_cache()
            raise

    def _empty_cache(self) -> KVCache:
        return KVCache(self.checkpoint.model.config, self.checkpoint.device, self.checkpoint.dtype)

    def _answer(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        tally = Tally()
        started = time.perf_counter()
        prompt, cached = self._prefill(request, cancelled)
        tally.prefill_seconds = time.perf_counter() - started
        on_event(Prefilled(len(prompt.token_ids), cached, prompt.dropped_turns, tally.prefill_seconds))
        config = self.checkpoint.model.config
        room = config.max_position_embeddings - len(prompt.token_ids)
        run = CanvasRun(
            model=self.checkpoint.model,
            tokenizer=self.checkpoint.tokenizer,
            cache=self.cache,
            sampler=request.sampler,
            max_new_tokens=min(request.max_new_tokens, room - room % config.canvas_length),
            draws=self._make_draws(request.seed, self.checkpoint.device),
            on_event=on_event,
            cancelled=cancelled,
            tally=tally,
            record_alternatives=request.record_alternatives,
        )
        token_ids, reason = run.answer()
        thought, text = split_thought(token_ids, self.checkpoint.tokenizer)
        if not goes_on(request.messages):
            text = text.lstrip()
        return Finished(text, thought, reason, self._stats(prompt, cached, token_ids, tally))

    def _check(self, request: GenerationRequest) -> None:
        _check_whole("max_new_tokens", request.max_new_tokens, 1)
        _check_whole("max_denoising_steps", request.sampler.max_denoising_steps, 1)
        _check_whole("seed", request.seed, 0)
        if request.thinking and not self.checkpoint.template.can_think:
            raise UsageError(f"{self.checkpoint.name} has no thought channel", hint="turn thinking off")

    def _prefill(self, request: GenerationRequest, cancelled: CancelSignal) -> tuple[Prompt, int]:
        """The prompt, encoded into the cache, and how many of its tokens were there already."""
        loaded = self.checkpoint
        context = loaded.model.config.max_position_embeddings - loaded.model.config.canvas_length
        preferred = min(context, loaded.generation.max_prompt_tokens or context)
        limits = PromptLimits(context, preferred, loaded.generation.max_turns)
        prompt = build_prompt(request.messages, request.thinking, loaded.template, loaded.tokenizer, limits)
        cached = self.cache.roll_back(self.cache.common_prefix(prompt.token_ids))
        self.cache.reserve(len(prompt.token_ids) + loaded.model.config.canvas_length)
        encode(loaded.model, self.cache, prompt.token_ids[cached:], cancelled)
        if self.cache.length == len(prompt.token_ids):
            self.cache.snapshot()
        return prompt, cached

    def _stats(self, prompt: Prompt, cached: int, token_ids: list[int], tally: Tally) -> GenerationStats:
        on_cuda = self.checkpoint.device.type == "cuda"
        return GenerationStats(
            prompt_tokens=len(prompt.token_ids),
            cached_tokens=cached,
            generated_tokens=len(token_ids),
            canvases=tally.canvases,
            canvas_length=self.checkpoint.model.config.canvas_length,
            denoising_steps=tally.denoising_steps,
            prefill_seconds=tally.prefill_seconds,
            denoise_seconds=tally.denoise_seconds,
            peak_memory_bytes=torch.cuda.max_memory_allocated() if on_cuda else None,
        )


def _check_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or not least <= value <= MAX_SEED:
        raise UsageError(f"{name} is {value!r}, not a whole number from {least} to {MAX_SEED}")


def _dtype_name(loaded: LoadedCheckpoint) -> str:
    name = str(loaded.dtype).removeprefix("torch.")
    return name if loaded.quantisation == "none" else f"{name} + {loaded.quantisation}"


def _device_name(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    return f"{device} {torch.cuda.get_device_name(device)}"
