"""One pass over the logits: argmax, draw, entropy and log-sum-exp."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch import Tensor

from dgchat_kernels import fused_reference
from dgchat_kernels.canvas_statistics import canvas_statistics
from dgchat_kernels.packed import CanvasStatistics
from kernel_checks import (
    PLANTED,
    SHAPES,
    TYPES,
    assert_near,
    assert_same_but_for_roundings,
    gaussian,
    odd_length,
    spoilt,
)

CAP, TILE = 30.0, 64


def ours(
    raw: Tensor, temperature: float = 1.0, uniforms: Tensor | None = None, tile: int = TILE
) -> CanvasStatistics:
    temperatures = torch.full((raw.shape[0],), temperature)
    uniforms = torch.rand(raw.shape[:2]) if uniforms is None else uniforms
    return canvas_statistics(raw, CAP, temperatures, uniforms, torch.bfloat16, tile)


def check(rng: random.Random, dtype: torch.dtype, planted: float = 1.0) -> None:
    batch, canvas, vocab = rng.choice([1, 2]), odd_length(rng, 12), odd_length(rng, 300)
    vocab = max(vocab, 2)
    raw = gaussian(batch, canvas, vocab, scale=rng.choice([0.1, 3.0, 30.0])).to(dtype)
    temperatures = torch.rand(batch) * 0.4 + 0.4
    uniforms = torch.rand(batch, canvas)
    got = canvas_statistics(spoilt(raw, planted), CAP, temperatures, uniforms, torch.bfloat16, TILE)
    true = fused_reference.canvas_statistics(
        raw.double(), CAP, temperatures.double(), uniforms, torch.bfloat16
    )
    assert_same_but_for_roundings(got.logits, true.logits)
    assert_near(got.lse, got.logits.double().logsumexp(-1), 1e-5)
    spread = (got.entropy - true.entropy).abs().max()
    assert spread < 2e-5, f"entropies are {spread:.1e} apart"
    assert_argmax(got.argmax, raw.double().flatten(0, 1))
    assert_drawn(got.proposal, true, raw, temperatures, uniforms)


def assert_argmax(argmax: Tensor, raw: Tensor) -> None:
    best = torch.tanh(raw / CAP).max(-1).values
    chosen = torch.tanh(raw / CAP).gather(-1, argmax.unsqueeze(-1)).squeeze(-1)
    assert (best - chosen < 1e-6).all()


def assert_drawn(
    proposal: Tensor, true: CanvasStatistics, raw: Tensor, temperatures: Tensor, uniforms: Tensor
) -> None:
    """The token of the reference, but where the uniform number lies on a border of two."""
    scaled = CAP * torch.tanh(raw.double() / CAP) / temperatures.double().view(-1, 1, 1)
    edges = scaled.softmax(-1).cumsum(-1).flatten(0, 1)
    at = uniforms.double().flatten().unsqueeze(-1)
    clear = ((edges - at).abs() > 1e-5).all(-1)
    assert torch.equal(proposal[clear], true.proposal[clear])


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_statistics_are_those_of_the_reference(dtype: torch.dtype, rng: random.Random):
    for _ in range(SHAPES // 2):
        check(rng, dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_one_percent_in_the_logits_is_noticed(dtype: torch.dtype, rng: random.Random):
    with pytest.raises(AssertionError, match="apart"):
        check(rng, dtype, PLANTED)


@pytest.mark.parametrize("at", [(0, 63), (63, 64), (5, 128), (64, 199)])
def test_of_equal_logits_the_first_is_the_argmax_across_tiles(at: tuple[int, int]):
    raw = gaussian(1, 1, 200)
    raw[0, 0, list(at)] = 7.0
    assert ours(raw).argmax.tolist() == [at[0]]


def test_flat_rows_and_certain_rows_have_the_entropies_they_should():
    raw = torch.zeros(1, 2, 262_144)
    raw[0, 1, 70_000] = 200
    got = ours(raw, temperature=0.5, tile=65_536)
    assert abs(float(got.entropy[0]) - math.log(262_144)) < 1e-4
    assert 0 <= float(got.entropy[1]) < 1e-15
    assert got.proposal[1] == 70_000


@pytest.mark.parametrize("target", [0.004, 0.006, 0.09, 0.11])
def test_entropy_keeps_to_its_side_of_a_threshold(target: float):
    low, high = 0.0, 30.0
    for _ in range(60):  # the gap of two tokens whose entropy is the target
        gap = (low + high) / 2
        p = torch.tensor([0.0, -gap], dtype=torch.float64).softmax(-1)
        low, high = (gap, high) if -(p * p.log()).sum() > target else (low, gap)
    raw = torch.full((1, 1, 130), -1e4)
    raw[0, 0, 3], raw[0, 0, 100] = 0.0, CAP * math.atanh(-gap / CAP)
    entropy = float(ours(raw).entropy)
    assert abs(entropy - target) < 2e-5


def test_draws_follow_the_probabilities():
    vocab, draws = 150, 20_000
    raw = gaussian(1, 1, vocab, scale=1.5).expand(1, draws, vocab)
    drawn = ours(raw, temperature=0.8).proposal
    expected = (CAP * torch.tanh(raw[0, 0].double() / CAP) / 0.8).softmax(-1) * draws
    seen = torch.bincount(drawn, minlength=vocab).double()
    large = expected >= 5
    rest_expected, rest_seen = expected[~large].sum(), seen[~large].sum()
    chi_square = ((seen - expected)[large] ** 2 / expected[large]).sum()
    chi_square = float(chi_square + (rest_seen - rest_expected) ** 2 / rest_expected.clamp_min(1.0))
    freedom = int(large.sum())
    assert (
        chi_square < freedom * (1 - 2 / (9 * freedom) + 3.72 * math.sqrt(2 / (9 * freedom))) ** 3
    )  # p = 1e-4


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2.0**-24, 1.0 - 2.0**-53])
def test_a_token_without_probability_is_never_drawn(uniform: float):
    raw = torch.full((1, 1, 200), -1e4)
    raw[0, 0, 70] = 1e4
    assert ours(raw, 0.4, torch.full((1, 1), uniform)).proposal.tolist() == [70]


def test_rows_do_not_depend_on_their_neighbours():
    raw, uniforms = gaussian(1, 9, 170), torch.rand(1, 9)
    whole, alone = ours(raw, 0.7, uniforms), ours(raw[:, 4:5], 0.7, uniforms[:, 4:5])
    assert torch.equal(whole.entropy[4:5], alone.entropy)
    assert torch.equal(whole.proposal[4:5], alone.proposal)
