"""One answer, canvas after canvas, until the turn ends or its limit is reached."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from dgchat.chat.thought import ends_inside_thought, mark_thought, split_thought
from dgchat.chat.tokenizer import ChatTokenizer
from dgchat.engine.alternatives import MostLikely
from dgchat.engine.canvas import Canvas
from dgchat.engine.denoise import DenoisingStep
from dgchat.engine.draft import Draft, start_canvas
from dgchat.engine.draws import Draws
from dgchat.engine.events import (
    ALTERNATIVES_PER_TOKEN,
    ENTROPY_CEILING,
    ENTROPY_FLOOR,
    Alternatives,
    CancelSignal,
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    EventListener,
    FinishReason,
    GenerationRequest,
    Prefilled,
    Prefilling,
    StopReason,
)
from dgchat.engine.prompt import Prompt
from dgchat.engine.stopping import first_end
from dgchat.model.transformer import DiffusionGemma


@dataclass(slots=True)
class Tally:
    """What an answer has cost so far."""

    canvases: int = 0
    denoising_steps: int = 0
    prefill_seconds: float = 0.0
    denoise_seconds: float = 0.0


@dataclass(slots=True, eq=False)
class AnswerRun:
    """One answer on its way, a row of the batch: it takes the steps of its canvas, and says what comes next.

    The last canvas is not put into the prefix: a next prompt brings it along.
    """

    request: GenerationRequest
    tokenizer: ChatTokenizer
    prompt: Prompt
    cached_tokens: int
    """Tokens of the prompt that the prefix holds already."""
    max_new_tokens: int
    """Most tokens of the answer: the request's limit, or the whole canvases that the context has room for."""
    draws: Draws
    draft: Draft | None
    """What the canvases begin as; None for noise."""
    on_event: EventListener
    cancelled: CancelSignal
    tally: Tally
    token_ids: list[int] = field(default_factory=list)
    """The answer so far, end of turn excluded."""
    reason: FinishReason | None = None
    """Why the answer ended; None while it goes on."""
    canvas: Canvas | None = None
    """The canvas that is being denoised; None between two of them."""
    to_encode: Sequence[int] | None = None
    """What the prefix must hold before the next canvas begins; None if it does."""
    _text: str = ""
    _is_thinking: bool = False
    _since: float = 0.0

    def __post_init__(self) -> None:
        self.to_encode = self.prompt.token_ids[self.cached_tokens :]

    def tell_prefix_length(self, length: int) -> None:
        """Tell how much of the prompt has been encoded, while it is."""
        if not self.tally.canvases:
            self.on_event(Prefilling(length, len(self.prompt.token_ids)))

    def take_encoded(self, seconds: float) -> None:
        """Take note that `to_encode` has been encoded, in so many seconds."""
        self.to_encode = None
        self.tally.prefill_seconds += seconds
        if not self.tally.canvases:
            num_tokens, dropped = len(self.prompt.token_ids), self.prompt.dropped_turns
            self.on_event(Prefilled(num_tokens, self.cached_tokens, dropped, self.tally.prefill_seconds))

    def begin_canvas(self, model: DiffusionGemma) -> None:
        """Begin the first canvas, or the next one; after a cancel the answer ends here, and a draft that
        needs no step is taken as it is.
        """
        length, index = model.config.canvas_length, self.tally.canvases
        max_canvases = math.ceil(self.max_new_tokens / length)
        self.on_event(CanvasStarted(index, length, max_canvases))
        if self.cancelled.is_set():
            self._commit(index, [], 0, StopReason.CANCELLED)
            return
        self.tally.canvases += 1
        self._since = time.perf_counter()
        most, vocab_size = self.request.sampler.max_denoising_steps, model.config.vocab_size
        start = start_canvas(self.draws, index, length, vocab_size, self.draft, most)
        likely = ALTERNATIVES_PER_TOKEN if self.request.record_alternatives else 0
        self.canvas = Canvas(model, index, self.request.sampler, self.draws, start, likely)
        if start.steps_done == most:
            self._commit(index, start.token_ids[0].tolist(), 0, StopReason.MAX_STEPS)

    def take_step(self, step: DenoisingStep) -> None:
        """Take what a step made of the canvas; afterwards `canvas` is None if it was the last one."""
        assert self.canvas is not None
        event = self._step_event(self.canvas.index, step, time.perf_counter() - self._since)
        self._since = time.perf_counter()
        self.tally.denoising_steps += 1
        self.tally.denoise_seconds += event.seconds
        self.on_event(event)
        if stop_reason := self._stop_reason(step):
            self._commit(
                self.canvas.index, list(event.token_ids), step.step - self.canvas.skipped, stop_reason
            )

    def _stop_reason(self, step: DenoisingStep) -> StopReason | None:
        if step.stopped:
            return StopReason.STABLE
        if self.cancelled.is_set():
            return StopReason.CANCELLED
        return StopReason.MAX_STEPS if step.step == self.request.sampler.max_denoising_steps else None

    def _commit(self, index: int, canvas: list[int], steps: int, stop_reason: StopReason) -> None:
        """Add a canvas, or what a cancelled one had reached, to the answer."""
        end = first_end(canvas, self.tokenizer.end_ids)
        kept = canvas[:end][: self.max_new_tokens - len(self.token_ids)]
        self.token_ids += kept
        self.canvas = None
        self._is_thinking = ends_inside_thought(self.token_ids, self.tokenizer)
        before, (_, self._text) = self._text, split_thought(self.token_ids, self.tokenizer)
        self.on_event(CanvasCommitted(index, self._text[len(before) :], steps, stop_reason))
        if stop_reason is StopReason.CANCELLED:
            self.reason = FinishReason.CANCELLED
        elif end is not None and len(kept) == end:
            self.reason = FinishReason.END_OF_TURN
        elif len(self.token_ids) == self.max_new_tokens:
            self.reason = FinishReason.LENGTH
        else:
            self.to_encode = kept

    def _step_event(self, index: int, step: DenoisingStep, seconds: float) -> CanvasStep:
        ids = step.argmax_canvas.tolist()
        pieces = tuple(map(self.tokenizer.piece, ids))
        return CanvasStep(
            canvas_index=index,
            step=step.step,
            max_steps=self.request.sampler.max_denoising_steps,
            temperature=step.temperature,
            token_ids=array("i", ids),
            pieces=pieces,
            entropy_levels=bytes(_entropy_levels(step.entropy).tolist()),
            accepted=bytes(step.accepted.tolist()),
            seconds=seconds,
            end=first_end(ids, self.tokenizer.end_ids),
            alternatives=self._alternatives(step.alternatives),
            joined=self.tokenizer.join_parts(ids, pieces),
            thought=mark_thought(ids, self.tokenizer, self._is_thinking),
        )

    def _alternatives(self, likely: MostLikely | None) -> Alternatives | None:
        if likely is None:
            return None
        ids, probabilities = likely.token_ids.flatten().tolist(), likely.probabilities.flatten().tolist()
        return Alternatives(array("i", ids), tuple(map(self.tokenizer.piece, ids)), array("f", probabilities))


def _entropy_levels(entropy: Tensor) -> Tensor:
    """The bytes that `level_of_entropy` gives, for a whole canvas at once."""
    span = math.log(ENTROPY_CEILING / ENTROPY_FLOOR)
    return (
        (entropy.clamp(ENTROPY_FLOOR, ENTROPY_CEILING).div(ENTROPY_FLOOR).log() * (255 / span)).round().byte()
    )
