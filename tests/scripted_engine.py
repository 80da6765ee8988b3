"""An engine without a model: made-up canvases that go from noise to text, as fast as a test wants."""

from __future__ import annotations

import re
import time
from array import array
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

from dgchat.engine.events import (
    ALTERNATIVES_PER_TOKEN,
    Alternatives,
    CancelSignal,
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    EngineInfo,
    EventListener,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
    LoadListener,
    LoadProgress,
    Prefilled,
    Prefilling,
    SamplerConfig,
    StopReason,
    level_of_entropy,
)
from dgchat.errors import DgchatError

END_OF_TURN = 1
FIRST_WORD_ID = 2
STEPS_PER_GUESS = 2
"""How long a token that is still wrong stays the same."""
ANSWER = "The tide comes in, the tide goes out, and the moon does all the work without ever getting wet."
NOISE_WORDS = (
    "algorithm",
    "ando",
    "海",
    "qubit",
    ":(",
    "wait",
    "island",
    "🦊",
    "über",
    "village",
    "ing",
    "\n",
)


@dataclass
class ScriptedEngine:
    """Implements `events.Engine`: the same seed gives the same bytes, whatever the step time."""

    answer: str | None = ANSWER
    """The text that is arrived at; None for one that depends on the seed."""
    steps: int = 12
    """Denoising steps of each canvas, if the request allows as many."""
    step_seconds: float = 0.0
    """How long a step takes."""
    load_seconds: float = 0.0
    """How long loading takes after 3.2 of 18.8 GB."""
    prefill_seconds: float = 0.0
    """How long reading the prompt takes."""
    prefilling: Prefilling | None = None
    """What is told of it meanwhile."""
    canvas_length: int = 32
    max_new_tokens: int = 256
    dropped_turns: int = 0
    """What `Prefilled` says about the history."""
    thought: str = ""
    """What the thought channel is made to say."""
    fail_at_step: int | None = None
    """Raise `error` at this step, counted over the whole answer."""
    error: Exception = field(default_factory=lambda: DgchatError("The engine broke.", hint="ask again"))
    model: str = "scripted 1M"
    """What it calls itself."""
    choice: str = ""
    """Why this model, if it was chosen for the reader."""
    requests: list[GenerationRequest] = field(default_factory=list)
    """Every request that came in."""

    def load(self, on_progress: LoadListener) -> None:
        """Take as long as a large model would."""
        on_progress(LoadProgress(0, 18_823_855_888))
        on_progress(LoadProgress(3_200_000_000, 18_823_855_888))
        time.sleep(self.load_seconds)

    def info(self) -> EngineInfo:
        """A small model on no device."""
        return EngineInfo(
            model=self.model,
            device="cpu",
            dtype="float32",
            parameters=1_000_000,
            canvas_length=self.canvas_length,
            context_length=4096,
            sampler=SamplerConfig(),
            max_new_tokens=self.max_new_tokens,
            can_think=True,
            ops_reason="a test",
            choice=self.choice,
        )

    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        """Denoise the scripted answer canvas by canvas."""
        self.requests.append(request)
        return _Answer(self, request, on_event, cancelled).run()


class _Answer:
    def __init__(
        self,
        engine: ScriptedEngine,
        request: GenerationRequest,
        on_event: EventListener,
        cancelled: CancelSignal,
    ) -> None:
        self._engine, self._request, self._on_event, self._cancelled = engine, request, on_event, cancelled
        answer = engine.answer if engine.answer is not None else _words_of_seed(request.seed)
        self._pieces = re.findall(r"\n|[^\S\n]*[^\s]+|[^\S\n]+", answer)
        self._steps = min(engine.steps, request.sampler.max_denoising_steps)
        self._num_steps = 0
        self._shown: list[str] = []

    def run(self) -> Finished:
        self._read_prompt()
        self._on_event(Prefilled(20, 0, self._engine.dropped_turns, self._engine.prefill_seconds))
        length = self._engine.canvas_length
        room = self._request.max_new_tokens
        needed = -(-(len(self._pieces) + 1) // length)
        for index in range(min(needed, room // length)):
            self._on_event(CanvasStarted(index, length, room // length))
            if not self._denoise(index, self._pieces[index * length : (index + 1) * length]):
                return self._finished(FinishReason.CANCELLED, index + 1)
        is_cut = len(self._pieces) >= room
        return self._finished(
            FinishReason.LENGTH if is_cut else FinishReason.END_OF_TURN, min(needed, room // length)
        )

    def _read_prompt(self) -> None:
        if self._engine.prefilling:
            self._on_event(self._engine.prefilling)
        ready_at = time.monotonic() + self._engine.prefill_seconds
        while time.monotonic() < ready_at and not self._cancelled.is_set():
            time.sleep(0.01)

    def _denoise(self, index: int, pieces: list[str]) -> bool:
        shown: list[str] = []
        for step in range(1, self._steps + 1):
            if self._cancelled.is_set():
                self._shown += shown
                self._on_event(CanvasCommitted(index, "".join(shown), step - 1, StopReason.CANCELLED))
                return False
            self._num_steps += 1
            if self._engine.fail_at_step == self._num_steps:
                raise self._engine.error
            time.sleep(self._engine.step_seconds)
            event = self._step(index, step, pieces)
            shown = [
                piece
                for piece, token in zip(event.pieces, event.token_ids, strict=True)
                if token != END_OF_TURN
            ]
            self._on_event(event)
        self._shown += pieces
        self._on_event(CanvasCommitted(index, "".join(pieces), self._steps, StopReason.STABLE))
        return True

    def _step(self, index: int, step: int, target: list[str]) -> CanvasStep:
        length = self._engine.canvas_length
        moments = Random(f"{self._request.seed} {index}")
        arrivals = [0.8 * moments.random() ** 1.5 * (self._steps - 1) for _ in range(length)]
        pieces, ids, levels = [], array("q"), bytearray()
        for position in range(length):
            guess = (step + position) // STEPS_PER_GUESS
            draw = Random(f"{self._request.seed} {index} {guess} {position}")
            has_arrived = step - 1 >= arrivals[position]
            wait = max(0.0, arrivals[position] - step + 1) / max(1, self._steps)
            entropy = 1e-4 if has_arrived and step > 1 else 0.05 + 4.0 * wait * draw.uniform(0.4, 1.4)
            word = target[position] if position < len(target) else ""
            if not has_arrived:
                word = " " + draw.choice(NOISE_WORDS)
            is_end = has_arrived and position >= len(target)
            pieces.append("<eos>" if is_end else word)
            ids.append(END_OF_TURN if is_end else FIRST_WORD_ID + (crc32(word.encode()) >> 8))
            levels.append(level_of_entropy(entropy))
        end = next((position for position, token in enumerate(ids) if token == END_OF_TURN), None)
        return CanvasStep(
            canvas_index=index,
            step=step,
            max_steps=self._request.sampler.max_denoising_steps,
            temperature=0.8 - 0.4 * step / self._steps,
            token_ids=ids,
            pieces=tuple(pieces),
            entropy_levels=bytes(levels),
            accepted=bytes(length),
            seconds=max(self._engine.step_seconds, 0.001),
            end=end,
            alternatives=_alternatives(ids, pieces) if self._request.record_alternatives else None,
        )

    def _finished(self, reason: FinishReason, canvases: int) -> Finished:
        stats = GenerationStats(
            prompt_tokens=20,
            generated_tokens=len(self._shown),
            canvases=canvases,
            canvas_length=self._engine.canvas_length,
            denoising_steps=self._num_steps,
            prefill_seconds=self._engine.prefill_seconds,
            denoise_seconds=self._num_steps * max(self._engine.step_seconds, 0.001),
        )
        return Finished("".join(self._shown), self._engine.thought, reason, stats)


def _alternatives(ids: array[int], pieces: list[str]) -> Alternatives:
    """At each position the token itself, then four of the noise words, each half as likely."""
    chances = [0.5**rank for rank in range(1, ALTERNATIVES_PER_TOKEN + 1)]
    others = range(1, ALTERNATIVES_PER_TOKEN)
    words = [
        NOISE_WORDS[(position + rank) % len(NOISE_WORDS)] for position in range(len(ids)) for rank in others
    ]
    token_ids, texts = array("i"), []
    for position, (token_id, piece) in enumerate(zip(ids, pieces, strict=True)):
        mine = words[position * len(others) : (position + 1) * len(others)]
        token_ids.extend([token_id, *(FIRST_WORD_ID + sum(map(ord, word)) * 31 for word in mine)])
        texts += [piece, *mine]
    return Alternatives(token_ids, tuple(texts), array("f", chances * len(ids)))


def _words_of_seed(seed: int) -> str:
    words = ANSWER.split()
    Random(seed).shuffle(words)
    return " ".join(words)
