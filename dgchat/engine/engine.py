"""DiffusionEngine: a loaded checkpoint that answers one request after another and remembers what it has
encoded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch

from dgchat.chat.thought import split_thought
from dgchat.checkpoint.folder import LoadedCheckpoint
from dgchat.engine.answer_run import AnswerRun, Tally
from dgchat.engine.draft import Draft
from dgchat.engine.draws import Draws
from dgchat.engine.events import (
    MAX_SEED,
    BatchListener,
    CancelSignal,
    EngineInfo,
    EventListener,
    Finished,
    GenerationRequest,
    GenerationStats,
    OutcomeListener,
)
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.out_of_memory import refused_when_full
from dgchat.engine.prefix_rows import AnswerRows, ConversationRow
from dgchat.engine.prompt import Prompt, PromptLimits, build_prompt, goes_on
from dgchat.engine.ragged_prefix import RaggedPrefix
from dgchat.engine.together import Together
from dgchat.errors import DgchatError, InsufficientMemoryError, UsageError

MakeDraws = Callable[[int, torch.device], Draws]


class DiffusionEngine:
    """The `BatchEngine` of this program; not to be shared between threads."""

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

    @torch.inference_mode()
    def generate_batch(
        self,
        requests: Iterable[GenerationRequest],
        size: int,
        on_event: BatchListener,
        on_outcome: OutcomeListener,
        cancelled: CancelSignal,
    ) -> None:
        """Answer requests, up to `size` of them together, each as `generate` would; see `BatchEngine`.

        The cache of the conversation stays as it is.
        """
        loaded = self.checkpoint
        context_length = loaded.model.config.max_position_embeddings
        remedy = f"--batch-size {size // 2}" if size > 1 else None
        with refused_when_full(loaded.name, loaded.device.type, context_length, remedy):
            prefix = RaggedPrefix(loaded.model.config, size, loaded.device, loaded.dtype)
            rows = AnswerRows(loaded.model, prefix, cancelled)
            numbers: dict[AnswerRun, int] = {}

            def enter() -> Iterator[AnswerRun]:
                for number, request in enumerate(requests):
                    try:
                        run = self._new_run(request, partial(on_event, number), cancelled)
                    except DgchatError as error:
                        on_outcome(number, error)
                    else:
                        numbers[run] = number
                        yield run
                    if cancelled.is_set():
                        return

            def leave(run: AnswerRun) -> None:
                on_outcome(numbers.pop(run), self._finished(run))

            Together(loaded.model, rows, size, enter(), leave).run()

    def _empty_cache(self) -> KVCache:
        return KVCache(self.checkpoint.model.config, self.checkpoint.device, self.checkpoint.dtype)

    def _answer(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        run = self._new_run(request, on_event, cancelled, self._go_back)
        prompt_length = len(run.prompt.token_ids)
        row = ConversationRow(
            self.checkpoint.model, self.cache, prompt_length, cancelled, run.tell_prefix_length
        )
        Together(self.checkpoint.model, row, 1, iter([run]), lambda ended: None).run()
        return self._finished(run)

    def _new_run(
        self,
        request: GenerationRequest,
        on_event: EventListener,
        cancelled: CancelSignal,
        cached: Callable[[Prompt], int] = lambda prompt: 0,
    ) -> AnswerRun:
        """An answer that has not begun; `cached` says how much of the prompt its prefix holds."""
        started = time.perf_counter()
        self._check(request)
        loaded, config = self.checkpoint, self.checkpoint.model.config
        context = config.max_position_embeddings - config.canvas_length
        preferred = min(context, loaded.generation.max_prompt_tokens or context)
        limits = PromptLimits(context, preferred, loaded.generation.max_turns)
        prompt = build_prompt(request.messages, request.thinking, loaded.template, loaded.tokenizer, limits)
        room = config.max_position_embeddings - len(prompt.token_ids)
        return AnswerRun(
            request=request,
            tokenizer=loaded.tokenizer,
            prompt=prompt,
            cached_tokens=cached(prompt),
            max_new_tokens=min(request.max_new_tokens, room - room % config.canvas_length),
            draws=self._make_draws(request.seed, loaded.device),
            draft=Draft.of(request, config.canvas_length, config.vocab_size),
            on_event=on_event,
            cancelled=cancelled,
            tally=Tally(prefill_seconds=time.perf_counter() - started),
        )

    def _go_back(self, prompt: Prompt) -> int:
        """How much of the prompt the conversation's cache holds, once all else in it is forgotten."""
        cached = self.cache.roll_back(self.cache.common_prefix(prompt.token_ids))
        self.cache.reserve(len(prompt.token_ids) + self.checkpoint.model.config.canvas_length)
        return cached

    def _check(self, request: GenerationRequest) -> None:
        _check_whole("max_new_tokens", request.max_new_tokens, 1)
        _check_whole("max_denoising_steps", request.sampler.max_denoising_steps, 1)
        _check_whole("seed", request.seed, 0)
        if request.thinking and not self.checkpoint.template.can_think:
            raise UsageError(f"{self.checkpoint.name} has no thought channel", hint="turn thinking off")

    def _finished(self, run: AnswerRun) -> Finished:
        assert run.reason is not None
        thought, text = split_thought(run.token_ids, self.checkpoint.tokenizer)
        if not goes_on(run.request.messages):
            text = text.lstrip()
        return Finished(text, thought, run.reason, self._stats(run))

    def _stats(self, run: AnswerRun) -> GenerationStats:
        on_cuda = self.checkpoint.device.type == "cuda"
        return GenerationStats(
            prompt_tokens=len(run.prompt.token_ids),
            cached_tokens=run.cached_tokens,
            generated_tokens=len(run.token_ids),
            canvases=run.tally.canvases,
            canvas_length=self.checkpoint.model.config.canvas_length,
            denoising_steps=run.tally.denoising_steps,
            prefill_seconds=run.tally.prefill_seconds,
            denoise_seconds=run.tally.denoise_seconds,
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
