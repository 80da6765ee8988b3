"""A quantised checkpoint computes what its dequantised twin computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dgchat.checkpoint import open_checkpoint
from packed_tiny import DIALECTS, Dialect, logits_of, plain_tensors, quantisation_json, quantise, write_packed

COMPUTE = [torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("experts", [4, 12], ids=["all experts", "gathered experts"])
@pytest.mark.parametrize("dtype", COMPUTE, ids=str)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_quantised_checkpoint_gives_the_logits_of_its_dequantised_twin(
    tmp_path: Path, dialect: Dialect, dtype: torch.dtype, experts: int
):
    packed, twin = quantise(dialect, plain_tensors(num_experts=experts))
    if dtype == torch.bfloat16:
        twin = {name: value.to(dtype) for name, value in twin.items()}
    write_packed(tmp_path / "packed", packed, quantisation_json(dialect), num_experts=experts)
    write_packed(tmp_path / "twin", twin, None, num_experts=experts)
    ours = open_checkpoint(tmp_path / "packed").load(dtype=dtype).model
    theirs = open_checkpoint(tmp_path / "twin").load(dtype=dtype).model
    assert torch.equal(logits_of(ours, dtype), logits_of(theirs, dtype))
