"""What a checkpoint in a given format must hold, and where in the model each tensor's values go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from dgchat.checkpoint.formats.packed import Part, parts
from dgchat.checkpoint.headers import Header
from dgchat.checkpoint.tensors import (
    Shape,
    calibrated_module,
    expected_tensors,
    is_vision,
    parameter_name,
)
from dgchat.errors import CheckpointError
from dgchat.hub.quantisation import Quantisation
from dgchat.model.config import ModelConfig

TORCH_DTYPES = {
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F8_E4M3": torch.float8_e4m3fn,
    "U8": torch.uint8,
}
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
    largest_factor: float = 1.0
    """The largest number that its values will be multiplied with."""
    is_reciprocal: bool = False
    """Whether one over its values is what the model multiplies with; zero stays zero."""


Layout = dict[str, ExpectedTensor]
"""Every tensor that is needed, by its name in the checkpoint."""


_PLAIN = ("BF16", "F32")

_PROJECTION = re.compile(r".+\.(self_attn|mlp|self_conditioning)\.[a-z]+_proj\.weight")
"""The linear maps that a quantised checkpoint may or may not quantise; the router's never is."""

_STACKED = re.compile(r".+\.experts\.(gate_up|down)_proj")


def layout_of(config: ModelConfig, quantisation: Quantisation, found: Mapping[str, Header]) -> Layout:
    """The layout of a model with these sizes in this format.

    The experts are quantised in every layer; which other projections are, `found` tells.
    """
    layout: Layout = {}
    for name, shape in expected_tensors(config).items():
        if quantisation.scheme == "none":
            layout[name] = _plain(name, shape)
        elif are_experts(name):
            layout |= experts_layout(quantisation, name, shape)
        elif _PROJECTION.fullmatch(name) and _is_quantised(name, found):
            layout |= _projection(quantisation, name.removesuffix(".weight"), shape)
        else:
            layout[name] = _plain(name, shape)
    return layout


def are_experts(name: str) -> bool:
    """Whether a tensor is the stacked weights of a layer's experts."""
    return _STACKED.fullmatch(name) is not None


def projections(stacked: str, rows: int) -> dict[str, slice]:
    """The projections that stacked weights of this name hold for each expert, and their rows of `rows`."""
    if stacked.endswith("gate_up_proj"):
        return {"gate_proj": slice(0, rows // 2), "up_proj": slice(rows // 2, rows)}
    return {"down_proj": slice(0, rows)}


def experts_layout(quantisation: Quantisation, stacked: str, shape: Shape) -> Layout:
    """The tensors of one layer's experts in place of their stacked weights of this name and shape."""
    count, rows, columns = shape
    module, _, name = stacked.rpartition(".")
    layout: Layout = {}
    for projection, block in projections(stacked, rows).items():
        for part in parts(quantisation, block.stop - block.start, columns, f"{module}.0.{projection}"):
            of_whom = projection if part.role == "global_scale" else name
            parameter = f"{parameter_name(module)}.{of_whom.removesuffix('_proj')}_{part.role}"
            for expert in range(count):
                one = slice(expert, expert + 1)
                where = (one,) if part.role == "global_scale" else (expert, block)
                layout[f"{module}.{expert}.{projection}.{part.name}"] = _expected(part, parameter, where)
    return layout


def packed_modules(layout: Layout) -> set[str]:
    """Names of the model's modules whose weights stay packed."""
    return {
        expected.parameter.rpartition(".")[0] for expected in layout.values() if expected.kept_as is not None
    }


def _is_quantised(name: str, found: Mapping[str, Header]) -> bool:
    module = name.removesuffix(".weight")
    plain = found.get(name)
    return plain.dtype not in _PLAIN if plain else f"{module}.weight_packed" in found


def _projection(quantisation: Quantisation, module: str, shape: Shape) -> Layout:
    rows, columns = shape
    return {
        f"{module}.{part.name}": _expected(part, f"{parameter_name(module)}.{part.role}")
        for part in parts(quantisation, rows, columns, module)
    }


def _plain(name: str, shape: Shape) -> ExpectedTensor:
    return ExpectedTensor((shape,), _PLAIN, parameter_name(name))


def _expected(part: Part, parameter: str, block: tuple[int | slice, ...] = ()) -> ExpectedTensor:
    return ExpectedTensor(
        part.shapes, part.dtypes, parameter, block, part.kept_as, part.largest_factor, part.is_reciprocal
    )


def check_headers(layout: Layout, found: Mapping[str, Header], table: str) -> dict[str, Header]:
    """The headers of the tensors that are needed, in the layout's order; CheckpointError for a missing,
    unknown, misshapen or mistyped one.

    `table` is the file that should tell of every tensor: the index, or the only safetensors file.
    """
    modules = {name.rpartition(".")[0] for name in layout}
    modules |= {name.rpartition(".")[0] for name in modules}
    for name, header in found.items():
        if name not in layout and not is_vision(name) and calibrated_module(name) not in modules:
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
