"""Single passes in fp32: what the encoder caches and the decoder predicts equals the reference's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from dgchat.checkpoint import open_checkpoint
from dgchat.engine.kv_cache import KVCache
from dgchat.model.transformer import DiffusionGemma
from parity.oracle import Oracle

TOLERANCE = 1e-5
"""Relative Frobenius distance; two correct fp32 implementations differ by a few 1e-7 per layer."""

LONGEST_PREFIX = 300
"""Tokens; windows of the tiny checkpoints are far shorter."""

TEMPERATURE = 0.8


@dataclass(frozen=True, slots=True)
class Pair:
    """One checkpoint opened by both sides in fp32."""

    model: DiffusionGemma
    oracle: Oracle

    def ids(self, purpose: int, length: int) -> list[int]:
        """Random ids that the reference takes for text."""
        vocab = min(self.model.config.vocab_size, self.oracle.model.config.image_token_id)
        return np.random.default_rng(purpose).integers(0, vocab, length).tolist()

    def prefix_lengths(self) -> list[int]:
        """Shorter than the sliding window, about as long, and longer."""
        window = self.model.config.sliding_window
        around = {1, window // 2, window - 2, window - 1, window, window + 1, 2 * window + 3}
        return sorted(length for length in around if 0 < length <= LONGEST_PREFIX)

    def canvas(self) -> Tensor:
        """A canvas of noise, [1, canvas]."""
        return torch.tensor([self.ids(1, self.model.config.canvas_length)])

    def encode(self, ids: list[int]) -> tuple[KVCache, DynamicCache]:
        """Both sides' caches of the ids."""
        return self.extend(KVCache(self.model.config, torch.device("cpu"), torch.float32), None, ids)

    def extend(
        self, ours: KVCache, reference: DynamicCache | None, ids: list[int]
    ) -> tuple[KVCache, DynamicCache]:
        """Both sides' caches with more ids after those they hold."""
        self.model.encode(torch.tensor([ids]), ours)
        ours.commit(ids)
        return ours, self.oracle.encode(ids, reference)


@pytest.fixture(scope="module")
def pair_of(folder_of: Callable[[str], Path]) -> Callable[[str], Pair]:
    @cache
    def pair(subject: str) -> Pair:
        folder = folder_of(subject)
        return Pair(open_checkpoint(folder).load("cpu", torch.float32).model, Oracle(folder, torch.float32))

    return pair


@pytest.fixture
def pair(pair_of: Callable[[str], Pair], subject: str) -> Iterator[Pair]:
    with torch.inference_mode():
        yield pair_of(subject)


def test_the_encoder_caches_the_reference_keys_and_values(pair: Pair) -> None:
    for length in pair.prefix_lengths():
        assert_same_rows(*pair.encode(pair.ids(2, length)))


def test_a_canvas_encoded_after_the_prompt_is_cached_alike(pair: Pair) -> None:
    for length in pair.prefix_lengths():
        caches = pair.encode(pair.ids(3, length))
        assert_same_rows(*pair.extend(*caches, pair.ids(4, pair.model.config.canvas_length)))


def test_decoder_logits_without_self_conditioning_are_the_references(pair: Pair) -> None:
    for length in pair.prefix_lengths():
        ours, reference = pair.encode(pair.ids(5, length))
        logits = pair.model.decode(pair.canvas(), ours, None)
        assert_same_logits(logits, pair.oracle.decode(reference, pair.canvas(), None))


def test_decoder_logits_self_conditioned_on_the_references_are_the_references(pair: Pair) -> None:
    for length in pair.prefix_lengths():
        ours, reference = pair.encode(pair.ids(6, length))
        previous = pair.oracle.decode(reference, pair.canvas(), None) / TEMPERATURE
        logits = pair.model.decode(pair.canvas(), ours, pair.model.soft_embedding(previous))
        assert_same_logits(logits, pair.oracle.decode(reference, pair.canvas(), previous))


def test_causal_predictions_are_the_references(pair: Pair) -> None:
    ids = pair.ids(7, pair.prefix_lengths()[-1])
    cache = KVCache(pair.model.config, torch.device("cpu"), torch.float32)
    logits = pair.model.next_token_logits(
        torch.tensor([ids]), cache, torch.ones(1, len(ids), dtype=torch.bool)
    )
    assert_same_logits(logits, pair.oracle.next_token_logits(ids)[0])


def assert_same_rows(ours: KVCache, reference: DynamicCache) -> None:
    """Of a sliding layer both show only what the window holds."""
    for index, layer in enumerate(reference.layers):
        for mine, theirs in zip(ours.keys_and_values(index), (layer.keys, layer.values), strict=True):
            rows = theirs.shape[2]
            assert rows == ours.length or (layer.is_sliding and rows == ours.config.sliding_window - 1)
            assert distance(mine, theirs) < TOLERANCE


def assert_same_logits(ours: Tensor, reference: Tensor) -> None:
    assert distance(ours, reference) < TOLERANCE
    assert torch.equal(ours.argmax(-1), reference.argmax(-1))


def distance(ours: Tensor, reference: Tensor) -> float:
    """Relative Frobenius distance."""
    assert ours.shape == reference.shape
    return float((ours - reference).norm() / reference.norm())
