"""The most likely tokens of every position."""

from __future__ import annotations

import torch

from dgchat.engine.alternatives import most_likely


def test_the_most_likely_tokens_come_first_with_their_probabilities():
    logits = torch.randn(40, 100, generator=torch.Generator().manual_seed(1)) * 3
    likely = most_likely(logits, 5)
    probabilities, token_ids = logits.softmax(-1).topk(5, dim=-1)
    assert torch.equal(likely.token_ids, token_ids)
    torch.testing.assert_close(likely.probabilities, probabilities)


def test_logits_of_half_precision_are_summed_in_full():
    logits = torch.zeros(1, 262_144, dtype=torch.bfloat16)
    assert abs(float(most_likely(logits, 5).probabilities[0, 0]) * 262_144 - 1) < 1e-3
