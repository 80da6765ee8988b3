"""Canvas after canvas: encode what is new, denoise, commit, until the turn ends."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dgchat.chat.thought import ends_inside_thought, mark_thought, split_thought
from dgchat.chat.tokenizer import ChatTokenizer
from dgchat.engine.denoise import DenoisingStep, denoise
from dgchat.engine.draws import Draws
from dgchat.engine.events import (
    ENTROPY_CEILING,
    ENTROPY_FLOOR,
    CancelSignal,
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    EventListener,
    FinishReason,
    SamplerConfig,
    StopReason,
)
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.stopping import first_end
from dgchat.model.transformer import DiffusionGemma


@dataclass(slots=True)
class Tally:
    """What an answer has cost so far."""

    canvases: int = 0
    denoising_steps: int = 0
    prefill_seconds: float = 0.0
    denoise_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CanvasRun:
    """Everything that stays the same while one answer's canvases are denoised."""

    model: DiffusionGemma
    tokenizer: ChatTokenizer
    cache: KVCache
    sampler: SamplerConfig
    max_new_tokens: int
    draws: Draws
    on_event: EventListener
    cancelled: CancelSignal
    tally: Tally = field(default_factory=Tally)

    def answer(self) -> tuple[list[int], FinishReason]:
        """Token ids of the answer to what the cache holds, end of turn excluded, and why it ended.

        The last canvas is not put into the cache: the next prompt brings it along.
        """
        length = self.model.config.canvas_length
        max_canvases = math.ceil(self.max_new_tokens / length)
        answer: list[int] = []
        text = ""
        for index in range(max_canvases):
            self.on_event(CanvasStarted(index, length, max_canvases))
            inside = ends_inside_thought(answer, self.tokenizer)
            canvas, steps, stop_reason = self._denoise(index, inside)
            end = first_end(canvas, self.tokenizer.end_ids)
            kept = canvas[:end][: self.max_new_tokens - len(answer)]
            answer += kept
            before, (_, text) = text, split_thought(answer, self.tokenizer)
            self.on_event(CanvasCommitted(index, text[len(before) :], steps, stop_reason))
            if stop_reason is StopReason.CANCELLED:
                return answer, FinishReason.CANCELLED
            if end is not None and len(kept) == end:
                return answer, FinishReason.END_OF_TURN
            if index + 1 < max_canvases:
                self._commit(kept)
        return answer, FinishReason.LENGTH

    def _denoise(self, index: int, inside_thought: bool) -> tuple[list[int], int, StopReason]:
        """Argmax canvas, steps used and reason of one canvas; what a cancelled one had reached is kept."""
        ids: list[int] = []
        started = time.perf_counter()
        steps = 0
        if self.cancelled.is_set():
            return ids, 0, StopReason.CANCELLED
        self.tally.canvases += 1
        for step in denoise(self.model, self.cache, index, self.sampler, self.draws):
            event = self._step_event(index, step, time.perf_counter() - started, inside_thought)
            started = time.perf_counter()
            ids, steps = list(event.token_ids), step.step
            self.tally.denoising_steps += 1
            self.tally.denoise_seconds += event.seconds
            self.on_event(event)
            if step.stopped:
                return ids, steps, StopReason.STABLE
            if self.cancelled.is_set():
                return ids, steps, StopReason.CANCELLED
        return ids, steps, StopReason.MAX_STEPS

    def _step_event(
        self, index: int, step: DenoisingStep, seconds: float, inside_thought: bool
    ) -> CanvasStep:
        ids = step.argmax_canvas[0].tolist()
        return CanvasStep(
            canvas_index=index,
            step=step.step,
            max_steps=self.sampler.max_denoising_steps,
            temperature=step.temperature,
            token_ids=array("i", ids),
            pieces=self.tokenizer.pieces(ids),
            entropy_levels=bytes(_entropy_levels(step.entropy[0]).tolist()),
            accepted=bytes(step.accepted[0].tolist()),
            seconds=seconds,
            end=first_end(ids, self.tokenizer.end_ids),
            thought=mark_thought(ids, self.tokenizer, inside_thought),
        )

    def _commit(self, token_ids: Sequence[int]) -> None:
        started = time.perf_counter()
        encode(self.model, self.cache, token_ids, self.cancelled)
        self.tally.prefill_seconds += time.perf_counter() - started


def encode(model: DiffusionGemma, cache: KVCache, token_ids: Sequence[int], cancelled: CancelSignal) -> None:
    """Add token ids to the cache, a chunk at a time; a cancel leaves the whole chunks done so far."""
    done = 0
    while done < len(token_ids) and not cancelled.is_set():
        chunk = token_ids[done : done + cache.chunk_length]
        model.encode(torch.tensor([chunk], device=cache.device), cache)
        cache.commit(chunk)
        done += len(chunk)


def _entropy_levels(entropy: Tensor) -> Tensor:
    """The bytes that `level_of_entropy` gives, for a whole canvas at once."""
    span = math.log(ENTROPY_CEILING / ENTROPY_FLOOR)
    return (
        (entropy.clamp(ENTROPY_FLOOR, ENTROPY_CEILING).div(ENTROPY_FLOOR).log() * (255 / span)).round().byte()
    )
