"""A conversation of which every turn is held against one that was encoded for it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from threading import Event as CancelFlag
from typing import Any

import torch
from torch import Tensor

from dgchat.checkpoint import open_checkpoint
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
from dgchat.engine.kv_cache import KVCache
from dgchat.model.cache_sizes import sliding_sizes
from dgchat.model.transformer import DiffusionGemma, Prefix
from plain_prefix import PlainPrefix
from tiny import CANVAS, PAD, Speaker, write_checkpoint

THOUGHT, END_OF_THOUGHT = 6, 7
"""`<|channel>` and `<channel|>` of the tiny tokenizer."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the decoder was asked at the first step of a canvas, and what it saw and predicted."""

    token_ids: list[int]
    rows: list[tuple[Tensor, Tensor]]
    canvas: Tensor
    logits: Tensor


class Witness(Speaker):
    """Answers as it is told to, and keeps what the model itself would have said."""

    said: list[Said]
    num_encoded: int

    def encode(self, token_ids: Tensor, prefix: Prefix) -> None:
        self.num_encoded += token_ids.shape[1]
        super().encode(token_ids, prefix)

    def decode(self, canvas: Tensor, prefix: KVCache, soft_embedding: Tensor | None) -> Tensor:
        logits = DiffusionGemma.decode(self, canvas, prefix, soft_embedding)
        if soft_embedding is None or not soft_embedding.any():  # the first step
            rows = [prefix.keys_and_values(layer) for layer in range(len(self.config.layers))]
            copies = [(keys.clone(), values.clone()) for keys, values in rows]
            self.said.append(Said(list(prefix.token_ids), copies, canvas, logits))
        return super().decode(canvas, prefix, soft_embedding)


@dataclass(slots=True)
class Listener:
    """Notes what the prefill did, and cancels in a canvas."""

    witness: Witness
    cancel_in: int | None
    cancelled: CancelFlag = field(default_factory=CancelFlag)
    prefilled: list[Prefilled] = field(default_factory=list)
    encoded_by_prefill: int = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Prefilled):
            self.prefilled.append(event)
            self.encoded_by_prefill = self.witness.num_encoded
        if isinstance(event, CanvasStep) and event.canvas_index == self.cancel_in:
            self.cancelled.set()


class Conversation:
    """A person and an engine in float64; every turn is checked against one encoded for it alone."""

    def __init__(self, folder: Path, template: str, max_chunk: int) -> None:
        loaded = open_checkpoint(write_checkpoint(folder, template=template)).load("cpu", torch.float64)
        self.witness = Witness(loaded.model.config, loaded.model.ops).to(torch.float64)
        self.witness.load_state_dict(loaded.model.state_dict())
        self.loaded = replace(loaded, model=self.witness.requires_grad_(False))
        self.engine = DiffusionEngine(self.loaded)
        self.engine.cache = KVCache(loaded.model.config, loaded.device, torch.float64, max_chunk=max_chunk)
        self.sizes = sliding_sizes(loaded.model.config, max_chunk)
        self.messages: list[ChatMessage] = []
        self.rolled_back: list[int] = []

    def system(self, text: str) -> None:
        """Put this system message first, in place of any other."""
        rest = [message for message in self.messages if message.role != "system"]
        self.messages = [ChatMessage("system", text), *rest]

    def ask(self, question: str, answer: Sequence[int], **options: Any) -> Finished:
        """The next question."""
        self.messages.append(ChatMessage("user", question))
        return self.take_turn(answer, **options)

    def ask_again(self, answer: Sequence[int], **options: Any) -> Finished:
        """The last question, for another answer."""
        del self.messages[-1]
        return self.take_turn(answer, **options)

    def reword(self, question: str, answer: Sequence[int], **options: Any) -> Finished:
        """Another question in place of the last."""
        del self.messages[-2:]
        return self.ask(question, answer, **options)

    def take_turn(
        self,
        answer: Sequence[int],
        reused: bool | None = True,
        thinking: bool = False,
        limit: int = 1000,
        cancel_in: int | None = None,
    ) -> Finished:
        """Answer with these ids, then padding; of the cache, all that is alike is `reused`, or nothing; None:
        either.
        """
        self.prepare(answer)
        listener = Listener(self.witness, cancel_in)
        request = GenerationRequest(
            tuple(self.messages), limit, SamplerConfig(max_denoising_steps=3), seed=1, thinking=thinking
        )
        rendered = self.loaded.template.render(self.messages, thinking)
        prompt = self.loaded.tokenizer.encode(rendered, "\ue000")
        before = list(self.engine.cache.token_ids)
        finished = self.engine.generate(request, listener, listener.cancelled)
        cached = listener.prefilled[0].cached_tokens
        alike = common_prefix(before, prompt)
        assert cached in {True: [alike], False: [0], None: [0, alike]}[reused]
        assert cached + listener.encoded_by_prefill == len(prompt) == listener.prefilled[0].prompt_tokens
        self.check(prompt, answer)
        self.rolled_back.append(len(before) - cached)
        self.messages.append(ChatMessage("assistant", finished.text))
        return finished

    def prepare(self, answer: Sequence[int]) -> None:
        padded = [*answer, *[PAD] * (-len(answer) % CANVAS)]
        self.witness.canvases = [padded[start : start + CANVAS] for start in range(0, len(padded), CANVAS)]
        self.witness.starts, self.witness.said, self.witness.num_encoded = [], [], 0

    @torch.inference_mode()
    def check(self, prompt: list[int], answer: Sequence[int]) -> None:
        """Every canvas saw what a prefix encoded at once shows, and predicted what it then predicts."""
        assert self.witness.said
        for index, said in enumerate(self.witness.said):
            truth = [*prompt, *answer[: index * CANVAS]]
            assert said.token_ids == truth
            plain = PlainPrefix(self.witness, truth)
            for layer, rows in enumerate(said.rows):
                torch.testing.assert_close(rows, plain.seen(layer), rtol=1e-9, atol=1e-11)
            logits = DiffusionGemma.decode(self.witness, said.canvas, plain, None)
            torch.testing.assert_close(said.logits, logits, rtol=1e-9, atol=1e-11)

    def ids(self, text: str) -> list[int]:
        return self.loaded.tokenizer.encode(text, "\ue000")

    def long(self, text: str) -> str:
        """The text as often as fills the sliding layers."""
        return text * (self.sizes.capacity // len(self.ids(text)) + 1)


def common_prefix(ids: Sequence[int], others: Sequence[int]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(ids, others, strict=False))))
