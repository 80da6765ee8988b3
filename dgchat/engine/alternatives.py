"""The most likely tokens of every position, for who wants to see what else could have stood there."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_ROWS_AT_A_TIME = 16
"""Positions whose logits are summed at once: all of them would take as much memory again as the logits."""


class MostLikely(NamedTuple):
    """Both [canvas, count], the most likely first."""

    token_ids: Tensor
    probabilities: Tensor


def most_likely(logits: Tensor, count: int) -> MostLikely:
    """The `count` most likely tokens of each position, with probabilities; logits [canvas, vocab]."""
    values, token_ids = logits.topk(count, dim=-1)
    totals = [rows.float().logsumexp(-1, keepdim=True) for rows in logits.split(_ROWS_AT_A_TIME)]
    return MostLikely(token_ids, (values.float() - torch.cat(totals)).exp())
