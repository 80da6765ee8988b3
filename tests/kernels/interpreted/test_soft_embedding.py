"""The soft embedding from rounded logits and their log-sum-exp."""

from __future__ import annotations

import random

import pytest
import torch

from dgchat_kernels.soft_embedding import soft_embedding
from kernel_checks import PLANTED, SHAPES, TYPES, assert_near, gaussian, odd_length, room, spoilt


def check(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    rows, vocab, hidden = room(rng, 40, dtype, 4), odd_length(rng, 900), room(rng, 90, dtype, 25)
    logits = gaussian(rows, vocab, scale=rng.choice([0.3, 3.0, 12.0])).to(dtype)
    embedding = gaussian(vocab, hidden, dtype=dtype)
    scale = torch.tensor([53.0 if dtype == torch.float32 else 64.0], dtype=dtype)  # 64: one rounding, not two
    lse = logits.double().logsumexp(-1)
    ours = soft_embedding(logits, lse.float(), spoilt(embedding, planted), scale)
    probabilities = (logits.double() - lse.unsqueeze(-1)).exp().to(dtype)  # the reference rounds them, too
    true = probabilities.double() @ embedding.double() * scale.double()
    assert_near(ours, true, 1e-5 if dtype == torch.float32 else 2e-3)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_soft_embeddings_are_those_of_the_reference(dtype: torch.dtype, rng: random.Random):
    for _ in range(SHAPES // 2):
        check(rng, dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_one_percent_in_the_embedding_is_noticed(dtype: torch.dtype, rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        check(rng, dtype, PLANTED)


def test_a_certain_row_is_its_token_and_a_flat_one_the_mean():
    embedding = gaussian(300, 20)
    logits = torch.zeros(2, 300)
    logits[0, 257] = 200
    soft = soft_embedding(logits, logits.logsumexp(-1), embedding, torch.ones(1))
    torch.testing.assert_close(soft[0], embedding[257])
    torch.testing.assert_close(soft[1], embedding.mean(0), rtol=0, atol=1e-5)
