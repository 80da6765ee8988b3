"""What a step of the 26B has to read and to multiply, against the table of the plan for GPUs."""

from __future__ import annotations

import pytest
import torch

from dgchat.shaped_bench.machine import MachineRates
from dgchat.shaped_bench.subject import Weights, config_of, empty_model
from dgchat.shaped_bench.work import Work, work_of_step

GIGAFLOP = {
    "soft embedding": 378,
    "attention projections": 568,
    "attention core": 317,
    "dense MLP": 274,
    "experts": 731,
    "LM head": 378,
    "the rest": 15,
}
GIGABYTES = {
    "soft embedding": 1.61,
    "attention projections": 2.51,
    "attention core": 0.50,
    "dense MLP": 1.29,
    "experts": 46.4,
    "LM head": 1.61,
    "the rest": 0.57,
}


@pytest.mark.parametrize(("weights", "expert_gigabytes"), [("bf16", 46.4), ("nvfp4", 13.5)])
def test_the_real_model_behind_4096_tokens_is_the_table(weights: Weights, expert_gigabytes: float) -> None:
    model = empty_model(config_of("26b"), weights, torch.bfloat16)
    found = work_of_step(model, torch.bfloat16, 4096)
    assert {part.name: round(part.flop / 1e9) for part in found} == GIGAFLOP
    expected = GIGABYTES | {"experts": expert_gigabytes}
    assert {part.name: part.num_bytes / 1e9 for part in found} == pytest.approx(expected, rel=0.02)


def test_only_full_layers_read_more_of_a_longer_prefix() -> None:
    config = config_of("nano")
    model = empty_model(config, "fp32", torch.float32)

    def core(prefix: int) -> float:
        return next(
            w for w in work_of_step(model, torch.float32, prefix) if w.name == "attention core"
        ).num_bytes

    window = config.sliding_window
    full = sum(2 * one.num_kv_heads * one.head_dim * 4 for one in config.layers if not one.sliding)
    assert core(window + 100) - core(window) == 100 * full


def test_each_component_is_bound_by_what_takes_it_longer() -> None:
    rates = MachineRates(bytes_per_second=10, flop_per_second=100)
    assert rates.floor_seconds([Work("read", 100, 50), Work("multiply", 700, 20)]) == 5 + 7
