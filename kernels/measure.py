"""What the kernels do on a GPU, at the 26B's shapes: `python kernels/measure.py [PART...] [--out FILE]`.

Prints JSON. Parts: machine, statistics, soft_embedding, experts, experts_nvfp4, attention. Every kernel is
held against its reference before it is timed; one that is off has no time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))

from dgchat_kernels import NVFP4Experts, fused_reference, reference

Row = dict[str, Any]
Timer = Callable[[Callable[[], object]], float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes that are measured."""

    canvas: int = 256
    hidden: int = 2816
    vocab: int = 262_144
    experts: int = 128
    inner: int = 704
    top_k: int = 8
    heads: int = 16
    kv_heads: tuple[tuple[int, int], ...] = ((256, 8), (512, 2))
    """Head dim and key heads of both kinds of layer."""
    prefixes: tuple[int, ...] = (512, 4096, 32_768)
    copied_bytes: int = 2**32
    square: int = 8192
    """Side of the matrix product that shows the rate of the machine."""


def distance(ours: Tensor, truth: Tensor) -> float:
    """Relative Frobenius norm of the difference."""
    return float((ours.double() - truth.double()).norm() / truth.double().norm())


def cuda_milliseconds(run: Callable[[], object], repeat: int = 50) -> float:
    """Median of `repeat` runs by the device's own clock, after three that do not count."""
    for _ in range(3):
        run()
    times: list[float] = []
    for _ in range(repeat):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return median(times)


def row(
    name: str, far: float, tolerance: float, run: Callable[[], object], num_bytes: int, time: Timer
) -> Row:
    """One line of the result; `ms` is None where the kernel is off."""
    fine = far <= tolerance
    milliseconds = time(run) if fine else None
    rate = num_bytes / milliseconds / 1e6 if milliseconds else None
    return {"name": name, "distance": far, "tolerance": tolerance, "ms": milliseconds, "gb_per_s": rate}


def machine(shape: Shape, device: torch.device, time: Timer) -> list[Row]:
    """Copy bandwidth, reads and writes counted, and the rate of a bf16 matrix product."""
    source = torch.zeros(shape.copied_bytes // 2, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = time(lambda: target.copy_(source))
    a = torch.randn(shape.square, shape.square, device=device, dtype=torch.bfloat16)
    product = time(lambda: a @ a)
    return [
        {"name": "copy", "ms": copied, "gb_per_s": shape.copied_bytes / copied / 1e6},
        {"name": "bf16 product", "ms": product, "tflop_per_s": 2 * shape.square**3 / product / 1e9},
    ]


def _logits(shape: Shape, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    raw = (torch.randn(1, shape.canvas, shape.vocab, device=device) * 4).bfloat16()
    return raw, torch.full((1,), 0.6, device=device), torch.rand(1, shape.canvas, device=device)


def statistics(shape: Shape, device: torch.device, time: Timer) -> list[Row]:
    """Argmax, draw, entropy and log-sum-exp of a canvas."""
    from dgchat_kernels.canvas_statistics import canvas_statistics  # needs triton

    raw, temperature, uniforms = _logits(shape, device)
    ours = canvas_statistics(raw, 30.0, temperature, uniforms, torch.bfloat16)
    true = fused_reference.canvas_statistics(raw.double(), 30.0, temperature, uniforms, torch.bfloat16)
    return [
        row(
            "statistics",
            distance(ours.entropy, true.entropy),
            2e-5,
            lambda: canvas_statistics(raw, 30.0, temperature, uniforms, torch.bfloat16),
            2 * raw.nbytes,
            time,
        )
    ]


def soft_embedding(shape: Shape, device: torch.device, time: Timer) -> list[Row]:
    """The soft embedding from rounded logits."""
    from dgchat_kernels.soft_embedding import soft_embedding as kernel  # needs triton

    logits = _logits(shape, device)[0][0]
    lse = logits.float().logsumexp(-1)
    embedding = torch.randn(shape.vocab, shape.hidden, device=device, dtype=torch.bfloat16)
    scale = torch.ones(1, device=device, dtype=torch.bfloat16)
    true = fused_reference.soft_embedding_of(logits.float(), lse, embedding.float(), scale.float())
    far = distance(kernel(logits, lse, embedding, scale), true)
    run = lambda: kernel(logits, lse, embedding, scale)  # noqa: E731 - timed
    return [row("soft embedding", far, 5e-3, run, embedding.nbytes + logits.nbytes, time)]


def _routed(shape: Shape, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, weights and experts; random scores spread the routes evenly, which is the worst case."""
    x = torch.randn(shape.canvas, shape.hidden, device=device, dtype=torch.bfloat16)
    scores = torch.randn(shape.canvas, shape.experts, device=device)
    return x, *reference.route(scores, torch.ones(shape.experts, device=device), shape.top_k)


def experts(shape: Shape, device: torch.device, time: Timer) -> list[Row]:
    """One layer's experts in bf16: the floor of a step."""
    from dgchat_kernels.experts import experts as kernel  # needs triton

    x, weights, index = _routed(shape, device)
    count, hidden, inner = shape.experts, shape.hidden, shape.inner
    gate_up = torch.randn(count, 2 * inner, hidden, device=device, dtype=torch.bfloat16) * hidden**-0.5
    down = torch.randn(count, hidden, inner, device=device, dtype=torch.bfloat16) * inner**-0.5
    true = reference.experts(x.float(), gate_up.float(), down.float(), weights, index)
    far = distance(kernel(x, gate_up, down, weights, index), true)
    run = lambda: kernel(x, gate_up, down, weights, index)  # noqa: E731 - timed
    return [row("experts, bf16", far, 5e-3, run, gate_up.nbytes + down.nbytes, time)]


def experts_nvfp4(shape: Shape, device: torch.device, time: Timer) -> list[Row]:
    """One layer's experts in NVFP4."""
    from dgchat_kernels.experts_nvfp4 import experts_nvfp4 as kernel  # needs triton

    x, weights, index = _routed(shape, device)
    count, hidden, inner = shape.experts, shape.hidden, shape.inner

    def codes(*size: int) -> Tensor:
        return torch.randint(0, 256, size, device=device, dtype=torch.uint8)

    def scales(*size: int) -> Tensor:
        return (torch.rand(size, device=device) + 0.5).to(torch.float8_e4m3fn)

    def globals_() -> Tensor:
        return torch.full((count,), 0.01, device=device)

    packed = NVFP4Experts(
        codes(count, 2 * inner, hidden // 2),
        scales(count, 2 * inner, hidden // 16),
        globals_(),
        globals_(),
        codes(count, hidden, inner // 2),
        scales(count, hidden, inner // 16),
        globals_(),
    )
    true = reference.experts_nvfp4(x.float(), packed, weights, index)
    far = distance(kernel(x, packed, weights, index), true)
    parts = (packed.gate_up_codes, packed.gate_up_scales, packed.down_codes, packed.down_scales)
    run = lambda: kernel(x, packed, weights, index)  # noqa: E731 - timed
    return [row("experts, NVFP4", far, 5e-3, run, sum(part.nbytes for part in parts), time)]


def attention(shape: Shape, device: torch.device, time: Timer) -> list[Row]:
    """One layer's attention of a canvas behind prefixes; sliding layers never see more than their window."""
    from dgchat_kernels.canvas_attention import canvas_attention as kernel  # needs triton

    rows: list[Row] = []
    for dim, kv_heads in shape.kv_heads:
        for prefix in shape.prefixes:
            q = (
                torch.randn(1, shape.heads, shape.canvas, dim, device=device, dtype=torch.bfloat16)
                * dim**-0.5
            )
            k, v = torch.randn(
                2, 1, kv_heads, prefix + shape.canvas, dim, device=device, dtype=torch.bfloat16
            )
            far = distance(kernel(q, k, v), reference.attention(q.float(), k.float(), v.float(), None))
            run = lambda q=q, k=k, v=v: kernel(q, k, v)  # noqa: E731 - timed
            name = f"attention, heads of {dim}, prefix {prefix}"
            rows.append(row(name, far, 5e-3, run, k.nbytes + v.nbytes, time))
    return rows


PARTS = {
    "machine": machine,
    "statistics": statistics,
    "soft_embedding": soft_embedding,
    "experts": experts,
    "experts_nvfp4": experts_nvfp4,
    "attention": attention,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print JSON; 2 without a GPU, 1 if a kernel is off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    if unknown := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}: {', '.join(PARTS)}")
    if not torch.cuda.is_available():
        sys.stderr.write("torch finds no CUDA device here: nothing to measure\n")
        return 2
    device = torch.device("cuda")
    torch.manual_seed(0)
    found: dict[str, Any] = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
    for part in asked.parts or PARTS:
        found[part] = PARTS[part](Shape(), device, cuda_milliseconds)
        torch.cuda.empty_cache()
    written = json.dumps(found, indent=2) + "\n"
    sys.stdout.write(written)
    if asked.out:
        asked.out.write_text(written, encoding="utf-8")
    return 1 if '"ms": null' in written else 0


if __name__ == "__main__":
    raise SystemExit(main())
