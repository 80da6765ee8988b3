"""What a checkpoint in a given format must hold, and where in the model each tensor's values go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from dgchat.checkpoint.headers import Header
from dgchat.checkpoint.tensors import Shape, expected_tensors, is_skipped, parameter_name
from dgchat.errors import CheckpointError
from dgchat.model.config import ModelConfig

TORCH_DTYPES = {"BF16": torch.bfloat16, "F32": torch.float32}
"""The data types that are read, by their names in safetensors."""


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    shapes: tuple[Shape, ...]
    """The shapes it may have; all hold the same values in the same order."""
    dtypes: tuple[str, ...]
    """The data types it may have, as safetensors calls them."""
    parameter: str
    """What the model calls the parameter that its values go to."""
    block: tuple[int | slice, ...] = ()
    """Which contiguous part of the parameter it fills; empty: all of it."""
    kept_as: torch.dtype | None = None
    """Data type in memory; None: that of the computation."""


Layout = dict[str, ExpectedTensor]
"""Every tensor that is needed, by its name in the checkpoint."""


def layout_of(config: ModelConfig) -> Layout:
    """The layout of a model with these sizes."""
    return {
        name: ExpectedTensor((shape,), ("BF16", "F32"), parameter_name(name))
        for name, shape in expected_tensors(config).items()
    }


def check_headers(layout: Layout, found: Mapping[str, Header], table: str) -> dict[str, Header]:
    """The headers of the tensors that are needed, in the layout's order; CheckpointError for a missing,
    unknown, misshapen or mistyped one.

    `table` is the file that should tell of every tensor: the index, or the only safetensors file.
    """
    for name, header in found.items():
        if name not in layout and not is_skipped(name):
            raise CheckpointError(f"{header.file}: tensor {name!r} is not part of this architecture")
    for name, expected in layout.items():
        header = found.get(name)
        if header is None:
            raise CheckpointError(f"{table}: tensor {name!r} is missing")
        if header.shape not in expected.shapes:
            raise CheckpointError(
                f"{header.file}: tensor {name!r} has shape {list(header.shape)}, "
                f"config.json asks for {list(expected.shapes[0])}"
            )
        if header.dtype not in expected.dtypes:
            raise CheckpointError(
                f"{header.file}: tensor {name!r} is {header.dtype}; {' and '.join(expected.dtypes)} are read"
            )
    return {name: found[name] for name in layout}
