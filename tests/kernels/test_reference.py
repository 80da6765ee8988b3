"""The ops against their definitions."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor

from dgchat_kernels import Ops, reference, select

LAST_UNIFORM = 1.0 - 2.0**-53


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def one_draw(probabilities: list[float], uniform: float, dtype: torch.dtype = torch.float32) -> int:
    logits = torch.tensor([[probabilities]], dtype=torch.float64).log().to(dtype)
    uniforms = torch.tensor([[uniform]], dtype=torch.float64)
    return int(reference.token_statistics(logits.clamp_min(-2000), uniforms)[1])


def angles(positions: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    half = positions[:, None] * 100.0 ** -(torch.arange(dim // 2, dtype=torch.float64) / dim)
    whole = torch.cat((half, half), dim=-1)[None]
    return whole.cos(), whole.sin()


def test_every_op_is_chosen_and_the_choice_has_a_reason():
    ops, reason = select(torch.device("cpu"))
    assert all(callable(getattr(ops, field.name)) for field in fields(Ops))
    assert "cpu" in reason


def test_rms_norm_gives_rows_a_root_mean_square_of_one():
    normed = reference.rms_norm(5 * gaussian(3, 7), None, 0.0)
    torch.testing.assert_close(normed.pow(2).mean(-1), torch.ones(3, dtype=torch.float64))


def test_rms_norm_multiplies_by_the_weight_itself_and_not_by_one_plus_it():
    x, weight = gaussian(3, 7), gaussian(7, seed=1)
    torch.testing.assert_close(
        reference.rms_norm(x, weight, 1e-6), reference.rms_norm(x, None, 1e-6) * weight
    )


def test_rms_norm_computes_narrow_types_in_fp32_and_returns_them():
    x = torch.full((1, 4), 300.0, dtype=torch.float16)  # 300^2 overflows fp16
    normed = reference.rms_norm(x, None, 1e-6)
    assert normed.dtype == torch.float16
    torch.testing.assert_close(normed, torch.ones_like(x))


def test_rms_norm_of_zeros_is_zero():
    assert not reference.rms_norm(torch.zeros(1, 4), None, 1e-6).any()


def test_rotate_by_nothing_changes_nothing():
    x = gaussian(1, 5, 2, 8)
    assert torch.equal(reference.rotate(x, *angles(torch.zeros(5, dtype=torch.float64), 8)), x)


def test_rotate_keeps_lengths():
    x = gaussian(1, 5, 2, 8)
    rotated = reference.rotate(x, *angles(torch.arange(5, dtype=torch.float64), 8))
    torch.testing.assert_close(rotated.norm(dim=-1), x.norm(dim=-1))
    assert not torch.allclose(rotated[:, 1:], x[:, 1:])


def test_rotated_products_depend_on_the_distance_alone():
    query, key = gaussian(1, 1, 1, 8), gaussian(1, 1, 1, 8, seed=1)

    def product(at: float, other: float) -> Tensor:
        first = reference.rotate(query, *angles(torch.tensor([at], dtype=torch.float64), 8))
        return (first * reference.rotate(key, *angles(torch.tensor([other], dtype=torch.float64), 8))).sum()

    torch.testing.assert_close(product(7, 4), product(103, 100))
    assert not torch.isclose(product(7, 4), product(7, 5))


def test_attention_shares_key_heads_and_heeds_the_mask_without_scaling():
    q, k, v = gaussian(1, 4, 3, 8), gaussian(1, 2, 5, 8, seed=1), gaussian(1, 2, 5, 8, seed=2)
    mask = torch.tensor([[True, True, False, True, False]]).expand(3, 5)
    scores = q @ k.repeat_interleave(2, dim=1).transpose(2, 3)
    expected = scores.masked_fill(~mask, -torch.inf).softmax(-1) @ v.repeat_interleave(2, dim=1)
    torch.testing.assert_close(reference.attention(q, k, v, mask), expected)


def test_route_takes_the_most_probable_experts_and_lets_them_share_one():
    scores, scale = gaussian(6, 5), torch.rand(5, dtype=torch.float64) + 0.5
    weights, index = reference.route(scores, scale, 2)
    assert torch.equal(index, scores.topk(2).indices)
    torch.testing.assert_close((weights / scale[index]).sum(-1), torch.ones(6, dtype=torch.float64))


@pytest.mark.parametrize("dense_up_to", [0, 100], ids=["gathered", "dense"])
def test_experts_sum_each_tokens_own_experts(dense_up_to: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reference, "DENSE_EXPERTS", dense_up_to)
    x, gate_up, down = gaussian(7, 6), gaussian(5, 8, 6, seed=1), gaussian(5, 6, 4, seed=2)
    weights, index = reference.route(gaussian(7, 5, seed=3), torch.ones(5, dtype=torch.float64), 2)
    expected = torch.stack(
        [
            sum(
                w * reference.gated_mlp(token, gate_up[e][:4], gate_up[e][4:], down[e])
                for w, e in zip(own, chosen, strict=True)
            )
            for token, own, chosen in zip(x, weights, index, strict=True)
        ]
    )
    torch.testing.assert_close(reference.experts(x, gate_up, down, weights, index), expected)


def test_softcap_squashes_into_the_cap_and_leaves_small_logits_nearly_alone():
    capped = reference.softcap(torch.tensor([-1e4, 0.01, 1e4], dtype=torch.bfloat16), 30.0)
    assert capped.dtype == torch.float32
    torch.testing.assert_close(capped, torch.tensor([-30.0, 0.01, 30.0]), rtol=0, atol=1e-4)


def test_the_soft_embedding_of_certainty_is_the_tokens_row_and_of_doubt_the_mean():
    embedding = gaussian(9, 4).float()
    logits = torch.zeros(1, 2, 9)
    logits[0, 0, 3] = 200
    soft = reference.soft_embedding(logits, embedding)
    torch.testing.assert_close(soft[0, 0], embedding[3])
    torch.testing.assert_close(soft[0, 1], embedding.mean(0))


def test_entropy_is_ln_vocab_for_a_flat_row_and_nothing_for_certainty():
    logits = torch.zeros(1, 2, 50)
    logits[0, 1, 7] = 200
    argmax, _, entropy = reference.token_statistics(logits, torch.zeros(1, 2))
    torch.testing.assert_close(entropy, torch.tensor([[50.0, 1.0]]).log())
    assert argmax[0, 1] == 7


@pytest.mark.parametrize(
    ("uniform", "token"), [(0.0, 0), (0.1999, 0), (0.2001, 1), (0.6999, 1), (0.7001, 2), (LAST_UNIFORM, 2)]
)
def test_the_draw_inverts_the_cumulative_distribution(uniform: float, token: int):
    assert one_draw([0.2, 0.5, 0.3], uniform) == token


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["fp32", "fp64"])
@pytest.mark.parametrize("uniform", [0.0, 0.5, 1.0 - 2.0**-24, 1.0 - 2.0**-26, LAST_UNIFORM])
def test_a_token_without_probability_is_never_drawn(uniform: float, dtype: torch.dtype):
    assert one_draw([0.0, 0.0, 1.0, 0.0, 0.0], uniform, dtype) == 2


def test_draws_follow_the_probabilities():
    probabilities = torch.arange(1, 11, dtype=torch.float64) / 55
    uniforms = torch.rand(1, 20_000, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    drawn = reference.token_statistics(probabilities.log().expand(1, 20_000, 10), uniforms)[1]
    expected = probabilities * 20_000
    chi_square = ((torch.bincount(drawn[0], minlength=10) - expected) ** 2 / expected).sum()
    assert chi_square < 27.88  # one honest sampler in a thousand exceeds it with 9 degrees of freedom
