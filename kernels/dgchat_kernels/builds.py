"""The kernels as they are compiled ahead of time for the 26B's shapes, and what each may take.

Sizes of the 26B: hidden 2816, heads of 256 and 512, 128 experts of 704, top 8, vocabulary 262,144, canvas
256.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ARCHITECTURES = (80, 89, 90, 100, 120, 121)
"""Compute capabilities: A100, RTX 40, H100 and H200, B200, RTX 50, DGX Spark."""

SHARED_MEMORY_KIB = {80: 163, 89: 99, 90: 227, 100: 227, 120: 99, 121: 99}
"""Most shared memory of one program, by compute capability."""

ROOMY_KIB = 128
"""With less shared memory than this, heads of 512 take fewer keys at a time."""


@dataclass(frozen=True, slots=True)
class Build:
    """One kernel, as it is compiled."""

    name: str
    module: str
    kernel: str
    signature: Mapping[str, str]
    constants: Mapping[str, object]
    warps: int
    stages: int = 3
    hot: bool = True
    """Whether it may keep nothing in local memory."""
    scarce: Mapping[str, object] = field(default_factory=dict[str, object])
    """Constants that are others where a program has little shared memory."""

    def constants_on(self, capability: int) -> Mapping[str, object]:
        """Constants for one compute capability."""
        scarce = SHARED_MEMORY_KIB[capability] < ROOMY_KIB
        return {**self.constants, **(self.scarce if scarce else {})}


def _typed(**types: str) -> dict[str, str]:
    """A signature from `type="name name ..."`; pointers are written as `bf16_p`."""
    signature: dict[str, str] = {}
    for kind, names in types.items():
        written = f"*{kind[:-2]}" if kind.endswith("_p") else kind
        signature |= dict.fromkeys(names.split(), written)
    return signature


def _attention(name: str, head_dim: int, group: int) -> Build:
    return Build(
        name,
        "canvas_attention",
        "attention_kernel",
        _typed(
            bf16_p="q k v",
            i32_p="bounds",
            fp32_p="out tops sums",
            i32="heads kv_heads rows q_batch q_head q_row k_batch k_head k_row",
        ),
        {
            "GROUP": group,
            "HEAD_DIM": head_dim,
            "BLOCK_V": 256,
            "BLOCK_D": 128,
            "BLOCK_M": 64,
            "BLOCK_N": 32,
            "SPLITS": 8,
        },
        warps=8,
        stages=2,
        scarce={"BLOCK_N": 16} if head_dim > 256 else {},
    )


BUILDS = (
    Build(
        "attended norms",
        "norms",
        "attended_norms_kernel",
        _typed(
            bf16_p="x attended post dense sparse scale x_out dense_out sparse_out router_out",
            i32="rows",
            fp32="eps",
        ),
        {"HIDDEN": 2816, "BLOCK": 4096, "ROWS": 1},
        warps=8,
    ),
    Build(
        "feedforward norms",
        "norms",
        "feedforward_norms_kernel",
        _typed(
            bf16_p="x dense dense_norm sparse_norm post scalar following x_out next_out",
            fp32_p="slots weights",
            i32="rows",
            fp32="eps",
        ),
        {"HIDDEN": 2816, "BLOCK": 4096, "SLOTS": 8, "ROWS": 1},
        warps=8,
    ),
    *(
        Build(
            f"q/k/v, heads of {2 * half}",
            "qkv",
            "qkv_kernel",
            _typed(
                bf16_p="q k v q_norm k_norm cos sin q_out k_cache v_cache",
                i32_p="offset",
                i32="rows q_stride k_stride v_stride cache_stride",
                fp32="eps",
            ),
            {"HEADS": 16, "KV_HEADS": kv_heads, "HALF": half, "BLOCK": half, "ROWS": 1},
            warps=4,
        )
        for half, kv_heads in ((128, 8), (256, 2))
    ),
    Build(
        "statistics",
        "canvas_statistics",
        "statistics_kernel",
        _typed(
            bf16_p="raw scaled_out",
            fp32_p="temperatures top_out sum_out spread_out top_rounded_out sum_rounded_out",
            i32_p="index_out",
            i32="rows vocab tiles canvas",
            fp32="cap",
        ),
        {"DTYPE": "bf16", "TILE": 4096, "ROWS": 1},
        warps=8,
    ),
    Build(
        "statistics, merge",
        "canvas_statistics",
        "merge_kernel",
        _typed(
            bf16_p="raw",
            fp32_p="temperatures uniforms tops sums spreads tops_rounded sums_rounded entropy_out lse_out",
            i32_p="indices",
            i64_p="argmax_out proposal_out",
            i32="rows vocab tiles canvas",
            fp32="cap",
        ),
        {"TILE": 4096, "TILES": 64, "ROWS": 1},
        warps=8,
        hot=False,
    ),
    Build(
        "soft embedding",
        "soft_embedding",
        "soft_embedding_kernel",
        _typed(bf16_p="logits embedding", fp32_p="lse out", i32="rows vocab hidden part_length"),
        {"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64},
        warps=8,
    ),
    Build(
        "soft embedding, sum",
        "soft_embedding",
        "add_parts_kernel",
        _typed(fp32_p="parts", bf16_p="scale out", i32="size"),
        {"PARTS": 3, "BLOCK": 1024},
        warps=4,
        hot=False,
    ),
    Build(
        "acceptance",
        "acceptance",
        "accept_kernel",
        _typed(
            fp32_p="entropies bounds thresholds",
            i64_p="proposals noises argmaxes history steps canvas_out",
            i8_p="accepted_out stopped_out",
            i32="length",
        ),
        {"STABILITY": 1, "BLOCK": 256, "CHUNK": 8},
        warps=8,
        hot=False,
    ),
    Build(
        "router",
        "routing",
        "route_kernel",
        _typed(bf16_p="scores expert_scale", fp32_p="weights_out", i64_p="index_out", i32="rows experts"),
        {"TOP_K": 8, "EXPERTS": 128, "ROWS": 4},
        warps=4,
    ),
    Build(
        "sorted routes",
        "routing",
        "sort_routes_kernel",
        _typed(i64_p="index", i32_p="order_out tiles_out", i32="routes experts most_tiles"),
        {"ROUTES": 2048, "EXPERTS": 256, "TILE": 16, "TILES": 256},
        warps=4,
        hot=False,
    ),
    Build(
        "experts bf16, gate and up",
        "experts",
        "gate_up_kernel",
        _typed(bf16_p="x weights out", i32_p="order tiles", i32="hidden inner"),
        {"TOP_K": 8, "BLOCK_N": 64, "BLOCK_K": 64, "TILE": 16},
        warps=4,
    ),
    Build(
        "experts bf16, down",
        "experts",
        "down_kernel",
        _typed(bf16_p="activated weights", fp32_p="out", i32_p="order tiles", i32="hidden inner"),
        {"BLOCK_N": 64, "BLOCK_K": 64, "TILE": 16},
        warps=4,
    ),
    Build(
        "experts NVFP4, gate and up",
        "experts_nvfp4",
        "gate_up_nvfp4_kernel",
        _typed(
            bf16_p="x out",
            u8_p="codes scales",
            fp32_p="gate_globals up_globals",
            i32_p="order tiles",
            i32="hidden inner",
        ),
        {"TOP_K": 8, "BLOCK_N": 64, "PAIRS": 32, "TILE": 16},
        warps=4,
    ),
    Build(
        "experts NVFP4, down",
        "experts_nvfp4",
        "down_nvfp4_kernel",
        _typed(
            bf16_p="activated",
            u8_p="codes scales",
            fp32_p="globals_ out",
            i32_p="order tiles",
            i32="hidden inner",
        ),
        {"BLOCK_N": 64, "PAIRS": 32, "TILE": 16},
        warps=4,
    ),
    Build(
        "slots, weighted sum",
        "experts",
        "combine_slots_kernel",
        _typed(bf16_p="out", fp32_p="slots weights", i32="rows hidden"),
        {"SLOTS": 8, "BLOCK": 4096, "ROWS": 1},
        warps=4,
        hot=False,
    ),
    _attention("attention, heads of 256", 256, 2),
    _attention("attention, heads of 512", 512, 8),
    Build(
        "attention, join",
        "canvas_attention",
        "join_splits_kernel",
        _typed(fp32_p="parts tops sums", bf16_p="out", i32="rows"),
        {"HEAD_DIM": 512, "BLOCK": 512, "SPLITS": 8, "ROWS": 1},
        warps=4,
        hot=False,
    ),
)
