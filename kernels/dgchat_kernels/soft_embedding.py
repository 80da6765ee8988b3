"""The soft embedding without a softmax tensor.

    out = scale * sum over the vocabulary of  e^(l - lse) E

l are the rounded logits and lse their log-sum-exp, both from `canvas_statistics`; the probability is
recomputed where it is multiplied, rounded to the embedding's type as the reference rounds it. The
vocabulary is cut into a fixed number of parts, which a second kernel adds in their order.
"""

# pyright: reportCallIssue=false, reportArgumentType=false
# Triton gives kernels a call of its own.
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgchat_kernels.arithmetic import INTERPRETED, dot, power_of_two, rounded, stepped, widened

PARTS = 3
"""Parts of the vocabulary: with 22 column blocks and 2 row blocks of the 26B, 132 programs."""


@triton.jit
def soft_embedding_kernel(
    logits, lse, embedding, out, rows, vocab, hidden, part_length,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    part = tl.program_id(2)
    here, inside = row < rows, column < hidden
    norm = tl.load(lse + row, here, other=0.0)[:, None]
    total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    begin = part * part_length
    for start in range(begin, tl.minimum(begin + part_length, vocab), BLOCK_K):
        token = start + tl.arange(0, BLOCK_K)
        known = token < vocab
        mask = here[:, None] & known[None, :]
        scaled = tl.load(logits + row[:, None] * vocab + token[None, :], mask, other=float("-inf"))
        probability = rounded(tl.exp(widened(scaled) - norm), embedding.dtype.element_ty)
        at = token.to(tl.int64)[:, None] * hidden + column[None, :]
        vectors = tl.load(embedding + at, known[:, None] & inside[None, :], other=0.0)
        total = dot(probability, vectors, total)
    to = (part * rows + row)[:, None] * hidden + column[None, :]
    tl.store(out + to, total, here[:, None] & inside[None, :])


@triton.jit
def add_parts_kernel(parts, scale, out, size, PARTS: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < size
    total = tl.zeros((BLOCK,), tl.float32)
    for part in tl.static_range(PARTS):
        total += tl.load(parts + part * size + at, mask, other=0.0)
    dtype: tl.constexpr = out.dtype.element_ty
    tl.store(out + at, rounded(stepped(total, dtype) * widened(tl.load(scale)), dtype), mask)


def soft_embedding(logits: Tensor, lse: Tensor, embedding: Tensor, scale: Tensor) -> Tensor:
    """`fused_reference.soft_embedding_of`: logits [rows, vocab] in the embedding's type, lse fp32 [rows],
    embedding [vocab, hidden] and its scale [1] to [rows, hidden].
    """
    rows, vocab = logits.shape
    hidden = embedding.shape[1]
    assert lse.shape == (rows,)
    assert logits.dtype == embedding.dtype
    assert embedding.is_contiguous()
    parts = logits.new_empty(PARTS, rows, hidden, dtype=torch.float32)
    narrow = logits.dtype != torch.float32
    m, n, k = (128, 128, 64) if narrow else (64, 64, 32)
    if INTERPRETED:
        m, n, k = min(power_of_two(rows), 128), min(power_of_two(hidden), 128), 256
    length = triton.cdiv(triton.cdiv(vocab, PARTS), k) * k
    soft_embedding_kernel[(triton.cdiv(rows, m), triton.cdiv(hidden, n), PARTS)](
        logits.contiguous(), lse, embedding, parts, rows, vocab, hidden, length,
        BLOCK_M=m, BLOCK_N=n, BLOCK_K=k, num_warps=8, num_stages=3,
    )  # fmt: skip
    out = logits.new_empty(rows, hidden)
    block = 65536 if INTERPRETED else 1024
    add_parts_kernel[(triton.cdiv(out.numel(), block),)](
        parts, scale, out, out.numel(), PARTS=PARTS, BLOCK=block, num_warps=4
    )
    return out
