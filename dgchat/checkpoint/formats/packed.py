"""The tensors that a quantised projection is stored as, in each scheme and dialect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from dgchat.checkpoint.tensors import Shape
from dgchat.errors import CheckpointError
from dgchat.hub.quantisation import Quantisation
from dgchat_kernels import NVFP4_BLOCK

E2M1_MAX, E4M3_MAX = 6.0, 448.0
"""The largest numbers that a code and a block scale can be."""

NVFP4_NAMES = {
    "modelopt": ("weight", "weight_scale", "weight_scale_2"),
    "compressed-tensors": ("weight_packed", "weight_scale", "weight_global_scale"),
}
"""What each dialect calls the codes, the block scales and the global scale."""


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor of a quantised projection."""

    name: str
    """Last part of its name in the checkpoint."""
    role: str
    """`codes`, `scales` or `global_scale`: what the model calls it."""
    shapes: tuple[Shape, ...]
    """The shapes it may have."""
    dtypes: tuple[str, ...]
    """The data types it may have, as safetensors calls them."""
    kept_as: torch.dtype
    """Data type in memory."""
    largest_factor: float = 1.0
    """The largest number that its values will be multiplied with."""
    is_reciprocal: bool = False
    """Whether one over its values is what the model multiplies with; zero stays zero."""


def parts(quantisation: Quantisation, rows: int, columns: int, module: str) -> Iterator[Part]:
    """The tensors of the projection `module` with a weight [rows, columns]."""
    if quantisation.scheme == "fp8":
        scale_shapes = ((rows, 1), (rows,))
        yield Part("weight", "codes", ((rows, columns),), ("F8_E4M3",), torch.float8_e4m3fn)
        yield Part("weight_scale", "scales", scale_shapes, ("BF16", "F32"), torch.float32, E4M3_MAX)
        return
    if columns % NVFP4_BLOCK:
        raise CheckpointError(
            f"config.json: {module} has rows of {columns} weights, NVFP4 blocks of {NVFP4_BLOCK}"
        )
    codes, scales, global_scale = NVFP4_NAMES[quantisation.dialect]
    blocks = columns // NVFP4_BLOCK
    yield Part(codes, "codes", ((rows, columns // 2),), ("U8",), torch.uint8)
    yield Part(scales, "scales", ((rows, blocks),), ("F8_E4M3",), torch.float8_e4m3fn)
    yield Part(
        global_scale,
        "global_scale",
        ((), (1,)),
        ("F32",),
        torch.float32,
        largest_factor=E2M1_MAX * E4M3_MAX,
        is_reciprocal=quantisation.dialect == "compressed-tensors",
    )
