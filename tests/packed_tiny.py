"""Tiny checkpoints with quantised weights, in every dialect, beside the plain weights that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Literal

import torch
from torch import Tensor

import tiny
from dgchat.checkpoint.tensors import tensor_name
from dgchat.engine.encode import encode
from dgchat.engine.kv_cache import KVCache
from dgchat.model.transformer import DiffusionGemma

Dialect = Literal["modelopt", "compressed-tensors", "fp8"]
DIALECTS: tuple[Dialect, ...] = ("modelopt", "compressed-tensors", "fp8")

E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0)
"""What each of the 16 codes stands for."""

SIZES = {"moe_intermediate_size": 48}
"""A tiny model's rows must be whole blocks; the other sizes are already."""

LINEARS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj")


def weights_of(codes: Tensor, scales: Tensor, multiplier: Tensor) -> Tensor:
    """The definition of NVFP4, in float64 and rounded to fp32 once: [out, in] of codes [out, in / 2]."""
    table = torch.tensor(E2M1, dtype=torch.float64)
    low, high = table[(codes & 15).long()], table[(codes >> 4).long()]
    values = torch.stack((low, high), dim=-1).flatten(-2)
    blocks = scales.double().repeat_interleave(16, dim=-1)
    return (values * blocks * multiplier.double()).float()


@dataclass(slots=True)
class Packer:
    """Makes random quantised projections, and the plain weights that they stand for."""

    dialect: Dialect
    generator: torch.Generator

    def projection(self, module: str, rows: int, columns: int) -> tuple[dict[str, Tensor], Tensor]:
        """The tensors of a projection by name, and its weight [rows, columns] in fp32."""
        if self.dialect == "fp8":
            return self._fp8(module, rows, columns)
        codes = torch.randint(0, 256, (rows, columns // 2), generator=self.generator).to(torch.uint8)
        scales = (self._uniform(rows, columns // 16) * 4).to(torch.float8_e4m3fn)
        scale = self._uniform(1)[0] * columns**-0.5 / 4
        unused = {f"{module}.input_scale": torch.tensor(3.0)}
        if self.dialect == "modelopt":
            named = {"weight": codes, "weight_scale": scales, "weight_scale_2": scale}
        else:
            scale = (1 / scale).view(1)
            named = {"weight_packed": codes, "weight_scale": scales, "weight_global_scale": scale}
            scale, unused = 1 / scale, {f"{module}.input_global_scale": torch.tensor([3.0])}
        return unused | {f"{module}.{name}": value for name, value in named.items()}, weights_of(
            codes, scales, scale
        )

    def _fp8(self, module: str, rows: int, columns: int) -> tuple[dict[str, Tensor], Tensor]:
        codes = torch.randn(rows, columns, generator=self.generator).to(torch.float8_e4m3fn)
        scales = (self._uniform(rows, 1) * columns**-0.5).to(torch.bfloat16)
        named = {f"{module}.weight": codes, f"{module}.weight_scale": scales}
        return named, (codes.double() * scales.double()).float()

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator) + 0.1


def quantise(dialect: Dialect, plain: Mapping[str, Tensor], seed: int = 0) -> tuple[dict[str, Tensor], ...]:
    """Random quantised tensors in place of all experts and some linear maps, and their plain twins."""
    packer = Packer(dialect, torch.Generator().manual_seed(seed))
    packed, twin = dict(plain), dict(plain)
    for name, value in plain.items():
        module = name.removesuffix(".weight")
        if ".experts." in name:
            del packed[name]
            prefix, _, stacked = name.rpartition(".")
            halves = ("gate", "up") if stacked == "gate_up_proj" else ("down",)
            for expert, weight in enumerate(value):
                rows = len(weight) // len(halves)
                for half, kind in enumerate(halves):
                    tensors, own = packer.projection(f"{prefix}.{expert}.{kind}_proj", rows, weight.shape[1])
                    packed |= tensors
                    twin[name][expert, half * rows : (half + 1) * rows] = own
        elif module.endswith(LINEARS):
            del packed[name]
            tensors, twin[name] = packer.projection(module, *value.shape)
            packed |= tensors
    return packed, twin


def plain_tensors(**text: Any) -> dict[str, Tensor]:
    """A tiny model's tensors in fp32, of sizes that NVFP4 can pack, with these fields changed."""
    state = tiny.random_model(**SIZES | text).state_dict()
    return {tensor_name(name): value.clone() for name, value in state.items()}


def quantisation_json(dialect: Dialect) -> dict[str, Any]:
    """quantization_config as each dialect writes it."""
    if dialect == "modelopt":
        return {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]}
    nvfp4 = {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}
    fp8 = {"num_bits": 8, "type": "float", "strategy": "channel", "group_size": None}
    return {
        "quant_method": "compressed-tensors",
        "format": "float-quantized" if dialect == "fp8" else "nvfp4-pack-quantized",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": fp8 if dialect == "fp8" else nvfp4}},
        "ignore": ["lm_head"],
    }


def write_packed(
    folder: Path, weights: Mapping[str, Tensor], quantisation: Mapping[str, Any] | None, **text: Any
) -> Path:
    """Write a checkpoint folder, in two shards, with these tensors and this quantization_config."""
    tiny.write_checkpoint(folder, {name: value.contiguous() for name, value in weights.items()}, shards=2)
    config = tiny.config_json(**SIZES | text)
    if quantisation is not None:
        config["quantization_config"] = dict(quantisation)
    tiny.write_json(folder / "config.json", config)
    return folder


def write_dialect(folder: Path, dialect: Dialect, **text: Any) -> Path:
    """Write a random checkpoint in this dialect."""
    return write_packed(
        folder, quantise(dialect, plain_tensors(**text))[0], quantisation_json(dialect), **text
    )


@torch.inference_mode()
def logits_of(model: DiffusionGemma, dtype: torch.dtype) -> Tensor:
    """Logits after a prompt longer than the window and a step of self-conditioning."""
    ids = torch.randint(0, model.config.vocab_size, (1, 20), generator=torch.Generator().manual_seed(4))
    cache = KVCache(model.config, torch.device("cpu"), dtype)
    encode(model, cache, ids[0, :12].tolist(), Event())
    first = model.decode(ids[:, 12:], cache, None)
    return model.decode(ids[:, 12:], cache, model.soft_embedding(first))
