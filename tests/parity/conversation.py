"""A conversation held twice: by our engine, which reuses its cache, and by the reference, which does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event as CancelFlag

import torch

from dgchat.checkpoint import LoadedCheckpoint, open_checkpoint
from dgchat.engine.draws import Draws
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import (
    CanvasStep,
    ChatMessage,
    Event,
    Finished,
    GenerationRequest,
    Prefilled,
    SamplerConfig,
)
from dgchat.engine.stopping import first_end
from parity.checkpoints import Case, random_ids, words
from parity.oracle import CanvasRecord, Oracle, StepRecord, Trajectory

NUM_CANVASES = 3
"""Canvases that an answer may take; its limit is one token less than they hold."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation, on both sides."""

    prompt_ids: list[int]
    """The rendered conversation, which the reference was given."""
    encoded_ids: list[int]
    """What our cache held when denoising began."""
    cached_tokens: int
    """Prompt tokens that our engine had encoded in earlier turns."""
    rolled_back_tokens: int
    """Tokens that our engine had cached and had to forget."""
    committed_ids: list[int]
    """What our cache holds after the turn, beyond the prompt."""
    finished: Finished
    steps: tuple[CanvasRecord, ...]
    """What our engine decided."""
    reference: Trajectory


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns held in float64 on both sides."""

    checkpoint: LoadedCheckpoint
    oracle: Oracle
    max_new_tokens: int
    turns: list[Turn]

    @property
    def canvas_length(self) -> int:
        return self.checkpoint.model.config.canvas_length

    @property
    def sampler(self) -> SamplerConfig:
        return self.checkpoint.generation.sampler

    def end_of(self, turn: Turn) -> int | None:
        """Position of the reference's first end of turn, None if it never came."""
        return first_end(turn.reference.new_ids, self.checkpoint.generation.end_ids)

    def expected_answer(self, turn: Turn) -> list[int]:
        """The reference's ids up to its end of turn, or to the limit."""
        return list(turn.reference.new_ids[: self.end_of(turn)][: self.max_new_tokens])


def hold_conversation(folder: Path, case: Case | None) -> Conversation:
    """Three turns: a prompt, a second one, and one after a shortened history; None: the bundled model."""
    return _Conversing(folder, case).hold()


class _Conversing:
    def __init__(self, folder: Path, case: Case | None) -> None:
        self.case = case
        self.checkpoint = open_checkpoint(folder).load("cpu", torch.float64)
        self.engine = DiffusionEngine(self.checkpoint)
        self.oracle = Oracle(folder, torch.float64)
        self.max_new_tokens = NUM_CANVASES * self.checkpoint.model.config.canvas_length - 1

    def hold(self) -> Conversation:
        first, second, third = self._said()
        opening = ChatMessage("user", first)
        turns = [self._take_turn([opening], seed=1)]
        answer = turns[0].finished.text
        turns.append(
            self._take_turn([opening, ChatMessage("assistant", answer), ChatMessage("user", second)], seed=2)
        )
        shortened = ChatMessage("assistant", " ".join(answer.split()[1:]))
        turns.append(self._take_turn([opening, shortened, ChatMessage("user", third)], seed=3))
        return Conversation(self.checkpoint, self.oracle, self.max_new_tokens, turns)

    def _said(self) -> tuple[str, str, str]:
        if self.case is None:
            return "What is the capital of France?", "Tell me about cats.", "Thank you!"
        lengths = {"first": self.case.prefix, "second": 3, "third": self.case.window + 2}
        first, second, third = (
            words(random_ids(self.case, name, length)) for name, length in lengths.items()
        )
        return first, second, third

    def _take_turn(self, messages: list[ChatMessage], seed: int) -> Turn:
        recorder = _Recorder(self.engine)
        cached_before = self.engine.cache.length
        sampler = self.checkpoint.generation.sampler
        request = GenerationRequest(tuple(messages), self.max_new_tokens, sampler, seed)
        finished = self.engine.generate(request, recorder, CancelFlag())
        prompt_ids = self._prompt_ids(messages)
        reference = self.oracle.generate(prompt_ids, Draws(seed, torch.device("cpu")), self.max_new_tokens)
        return Turn(
            prompt_ids=prompt_ids,
            encoded_ids=recorder.encoded_ids,
            cached_tokens=recorder.cached_tokens,
            rolled_back_tokens=cached_before - recorder.cached_tokens,
            committed_ids=self.engine.cache.token_ids[len(prompt_ids) :],
            finished=finished,
            steps=tuple(CanvasRecord(tuple(steps)) for steps in recorder.canvases),
            reference=reference,
        )

    def _prompt_ids(self, messages: list[ChatMessage]) -> list[int]:
        if self.case is not None:
            return [int(word.removeprefix("w")) for message in messages for word in message.text.split()]
        rendered = self.checkpoint.template.render(messages, thinking=False)
        return self.checkpoint.tokenizer.encode(rendered, mark="\ue000")


class _Recorder:
    """An `EventListener` that keeps what the engine decided."""

    def __init__(self, engine: DiffusionEngine) -> None:
        self._engine = engine
        self.encoded_ids: list[int] = []
        self.cached_tokens = 0
        self.canvases: list[list[StepRecord]] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Prefilled):
            self.encoded_ids = list(self._engine.cache.token_ids)
            self.cached_tokens = event.cached_tokens
        if isinstance(event, CanvasStep):
            if event.step == 1:
                self.canvases.append([])
            accepted = tuple(map(bool, event.accepted))
            self.canvases[-1].append(StepRecord(tuple(event.token_ids), accepted, event.mean_entropy))
