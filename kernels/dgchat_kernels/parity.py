"""Whether the ops that were chosen still compute what their references do, here and now: small and quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from dgchat_kernels.ops import PLAIN, Ops
from dgchat_kernels.packed import NVFP4Experts

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 8e-3}
"""Relative Frobenius distance from the reference in float64; an error of one percent is beyond it."""

CHECKED = (
    "rms_norm",
    "rotate",
    "attention",
    "gated_mlp",
    "route",
    "experts",
    "experts_nvfp4",
    "softcap",
    "soft_embedding",
    "token_statistics",
)
"""Names of the ops that are held against their references."""

TOKENS, HIDDEN, INNER, EXPERTS, VOCAB = 32, 64, 32, 4, 300

Arguments = tuple[Any, ...]


def faults(ops: Ops, device: torch.device, dtype: torch.dtype) -> list[str]:
    """The ops that are off on fresh random inputs, each with how far; empty if all are right."""
    return list(_faults(ops, device, dtype))


def _faults(ops: Ops, device: torch.device, dtype: torch.dtype) -> Iterator[str]:
    for name in CHECKED:
        arguments = _inputs(name, device, dtype)
        ours = _compared(name, getattr(ops, name)(*arguments))
        exact = _compared(name, getattr(PLAIN, name)(*map(_exactly, arguments)))
        far = float((ours - exact).norm() / exact.norm())
        if not far <= TOLERANCE[dtype]:  # a NaN is off too
            yield f"{name} is {far:.2%} off, {TOLERANCE[dtype]:.2%} are allowed"


def _inputs(name: str, device: torch.device, dtype: torch.dtype) -> Arguments:
    def random(*size: int, scale: float = 1.0) -> Tensor:
        return (torch.randn(size, device=device) * scale).to(dtype)

    x = random(TOKENS, HIDDEN)
    weights = random(2, HIDDEN, HIDDEN, scale=HIDDEN**-0.5)
    make: dict[str, Callable[[], Arguments]] = {
        "rms_norm": lambda: (x, random(HIDDEN), 1e-6),
        "rotate": lambda: (random(1, TOKENS, 2, 16), random(1, TOKENS, 16), random(1, TOKENS, 16)),
        "attention": lambda: (
            random(1, 4, TOKENS, 32, scale=0.2),
            *random(2, 1, 2, TOKENS + 40, 32),
            None,
        ),
        "gated_mlp": lambda: (x, *weights, weights[0]),
        "route": lambda: (random(TOKENS, EXPERTS).float(), torch.rand(EXPERTS, device=device) + 0.5, 2),
        "experts": lambda: (
            x,
            random(EXPERTS, 2 * INNER, HIDDEN, scale=HIDDEN**-0.5),
            random(EXPERTS, HIDDEN, INNER, scale=INNER**-0.5),
            *_routes(device),
        ),
        "experts_nvfp4": lambda: (x, _packed(device), *_routes(device)),
        "softcap": lambda: (random(TOKENS, VOCAB, scale=20), 30.0),
        "soft_embedding": lambda: (random(1, TOKENS, VOCAB, scale=2).float(), random(VOCAB, HIDDEN)),
        "token_statistics": lambda: (
            random(1, TOKENS, VOCAB, scale=2).float(),
            torch.rand(1, TOKENS, device=device),
        ),
    }
    return make[name]()


def _routes(device: torch.device) -> tuple[Tensor, Tensor]:
    scores = torch.randn(TOKENS, EXPERTS, device=device)
    return PLAIN.route(scores, torch.ones(EXPERTS, device=device), 2)


def _packed(device: torch.device) -> NVFP4Experts:
    def codes(*size: int) -> Tensor:
        return torch.randint(0, 256, size, device=device, dtype=torch.uint8)

    def scales(*size: int) -> Tensor:
        return (torch.rand(size, device=device) + 0.5).to(torch.float8_e4m3fn)

    small = torch.full((EXPERTS,), 0.05, device=device)
    return NVFP4Experts(
        codes(EXPERTS, 2 * INNER, HIDDEN // 2),
        scales(EXPERTS, 2 * INNER, HIDDEN // 16),
        small,
        small,
        codes(EXPERTS, HIDDEN, INNER // 2),
        scales(EXPERTS, HIDDEN, INNER // 16),
        small,
    )


def _exactly(argument: Any) -> Any:
    is_number = isinstance(argument, Tensor) and argument.is_floating_point()
    return argument.cpu().double() if is_number else _on_cpu(argument)


def _on_cpu(argument: Any) -> Any:
    if isinstance(argument, NVFP4Experts):
        return NVFP4Experts(*(getattr(argument, field.name).cpu() for field in fields(argument)))
    return argument.cpu() if isinstance(argument, Tensor) else argument


def _compared(name: str, result: Any) -> Tensor:
    """What of an op's result is held against the reference's, in float64."""
    if name == "route":  # which of equals comes first is nobody's business
        weights, index = (part.cpu() for part in result)
        return torch.zeros(TOKENS, EXPERTS, dtype=torch.float64).scatter(1, index, weights.double())
    if name == "token_statistics":  # a draw on the edge may fall on either side
        argmax, _, entropy = result
        return torch.stack((argmax.cpu().double() / VOCAB, entropy.cpu().double()))
    return result.cpu().double()
