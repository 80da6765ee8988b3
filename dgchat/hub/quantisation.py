"""Which format a configuration says its weights have; one that is not ours is named and refused.

The one answer for what is opened and for what is merely listed or fetched, and so without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dgchat.errors import CheckpointError

NVFP4_BLOCK = 16
"""Weights that share a block scale; `dgchat_kernels`, which brings torch, has the same."""

MODELOPT_FILE = "hf_quant_config.json"
"""Where NVIDIA's ModelOpt says the same as in config.json, or instead."""

OURS = "bf16, fp32, NVFP4 and per-channel FP8 are read: nvidia/diffusiongemma-26B-A4B-it-NVFP4 is one"

_NAMES = {
    "awq": "AWQ",
    "fp8": "FP8 with a scale per block or tensor",
    "gguf": "GGUF",
    "gptq": "GPTQ",
    "hqq": "HQQ",
    "mlx": "MLX",
    "mxfp4": "MXFP4",
}
"""What people call the formats whose quant_method looks different."""


@dataclass(frozen=True, slots=True)
class Quantisation:
    scheme: Literal["none", "nvfp4", "fp8"] = "none"
    """How the numbers are stored."""
    dialect: Literal["none", "modelopt", "compressed-tensors"] = "none"
    """Whose names and scales these are."""


class ForeignFormatError(CheckpointError):
    """A format that is not read; the hint names one that is."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(f"{where}: {name} is not a format that dgchat reads", hint=OURS)
        self.name = name


def quantisation_of(config: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Quantisation:
    """The format that a parsed config.json and, if there is one, hf_quant_config.json (`own`) agree on;
    ForeignFormatError for one not ours, CheckpointError for what cannot be understood.
    """
    stated = [_from_config(config, is_all=own is None)]
    if own is not None:
        section = own.get("quantization")
        if not isinstance(section, dict):
            raise CheckpointError(f"{MODELOPT_FILE}: quantization is {section!r}, not an object")
        stated.append(_modelopt(section, MODELOPT_FILE))
    found = {quantisation for quantisation in stated if quantisation is not None}
    if len(found) > 1:
        raise CheckpointError(f"config.json and {MODELOPT_FILE} name different formats")
    return found.pop() if found else Quantisation()


def _from_config(config: Mapping[str, Any], *, is_all: bool) -> Quantisation | None:
    section = config.get("quantization_config")
    if section is None:
        if config.get("quantization") is not None:
            raise ForeignFormatError("MLX", "config.json")
        return None
    if not isinstance(section, dict):
        raise CheckpointError(f"config.json: quantization_config is {section!r}, not an object")
    method = section.get("quant_method")
    if method == "modelopt" and not is_all and "quant_algo" not in section:
        return None
    if method == "modelopt":
        return _modelopt(section, "config.json")
    if method == "compressed-tensors":
        return _compressed_tensors(section)
    if method is None and "bits" in section:
        method = "mlx"
    raise ForeignFormatError(_NAMES.get(str(method), str(method)), "config.json")


def _modelopt(section: Mapping[str, Any], where: str) -> Quantisation:
    algorithm = section.get("quant_algo")
    scheme = {"NVFP4": "nvfp4", "FP8_PER_CHANNEL_PER_TOKEN": "fp8"}.get(str(algorithm))
    if scheme is None:
        raise ForeignFormatError(f"ModelOpt's {algorithm}", where)
    sizes = [section.get("group_size"), *(weights.get("group_size") for weights in _groups(section, where))]
    if scheme == "nvfp4":
        _check_blocks(sizes, where)
        return Quantisation("nvfp4", "modelopt")
    return Quantisation("fp8", "modelopt")


_KINDS = {
    "4 float tensor_group": Quantisation("nvfp4", "compressed-tensors"),
    "8 float channel": Quantisation("fp8", "compressed-tensors"),
}
"""Bits, type and strategy of the weights that are read."""


def _compressed_tensors(section: Mapping[str, Any]) -> Quantisation:
    """One scheme for all groups: 4-bit floats in blocks of 16, or 8-bit floats with a scale per channel."""
    groups = _groups(section, "config.json")
    kinds = {
        " ".join(str(weights.get(name)) for name in ("num_bits", "type", "strategy")) for weights in groups
    }
    quantisation = _KINDS.get(kinds.pop()) if len(kinds) == 1 else None
    if quantisation is None:
        raise ForeignFormatError(f"compressed-tensors' {section.get('format')}", "config.json")
    if quantisation.scheme == "nvfp4":
        _check_blocks([weights.get("group_size") for weights in groups], "config.json")
    return quantisation


def _groups(section: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """How each group of modules stores its weights."""
    groups = section.get("config_groups") or {}
    weights: list[Mapping[str, Any]] = []
    for group in groups.values() if isinstance(groups, dict) else [groups]:
        one = group.get("weights") if isinstance(group, dict) else None
        if not isinstance(one, dict):
            raise CheckpointError(f"{where}: config_groups does not say how weights are stored")
        weights.append(one)
    return weights


def _check_blocks(sizes: list[Any], where: str) -> None:
    for size in sizes:
        if size not in (None, NVFP4_BLOCK):
            raise CheckpointError(f"{where}: group_size is {size!r}; NVFP4 has {NVFP4_BLOCK}")
