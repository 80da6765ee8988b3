"""Modules whose weights stay packed in memory and are dequantised as they are used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from dgchat_kernels import NVFP4_BLOCK, FP8Experts, NVFP4Experts, Ops

Scheme = Literal["nvfp4", "fp8"]


class PackedLinear(nn.Module):
    """A linear map without bias whose weight is computed when it is needed."""

    def __init__(self, ops: Ops) -> None:
        super().__init__()
        self.ops = ops

    def weight_as(self, dtype: torch.dtype) -> Tensor:
        """The weight [out, in] in `dtype`."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        return functional.linear(x, self.weight_as(x.dtype))


class LinearNVFP4(PackedLinear):
    """E2M1 codes, an E4M3 scale per block of 16 weights, one fp32 scale."""

    def __init__(self, in_features: int, out_features: int, ops: Ops) -> None:
        super().__init__(ops)
        self.codes = _buffer(torch.uint8, out_features, in_features // 2)
        self.scales = _buffer(torch.float8_e4m3fn, out_features, in_features // NVFP4_BLOCK)
        self.global_scale = _buffer(torch.float32, 1)

    def weight_as(self, dtype: torch.dtype) -> Tensor:
        return self.ops.dequantise_nvfp4(self.codes, self.scales, self.global_scale, dtype)


class LinearFP8(PackedLinear):
    """E4M3 codes and an fp32 scale per output channel."""

    def __init__(self, in_features: int, out_features: int, ops: Ops) -> None:
        super().__init__(ops)
        self.codes = _buffer(torch.float8_e4m3fn, out_features, in_features)
        self.scales = _buffer(torch.float32, out_features, 1)

    def weight_as(self, dtype: torch.dtype) -> Tensor:
        return self.ops.dequantise_fp8(self.codes, self.scales, dtype)


class ExpertsNVFP4(nn.Module):
    """All experts of a layer, stacked; `NVFP4Experts` says what each buffer holds."""

    def __init__(self, count: int, hidden: int, inner: int, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.gate_up_codes = _buffer(torch.uint8, count, 2 * inner, hidden // 2)
        self.gate_up_scales = _buffer(torch.float8_e4m3fn, count, 2 * inner, hidden // NVFP4_BLOCK)
        self.gate_global_scale = _buffer(torch.float32, count)
        self.up_global_scale = _buffer(torch.float32, count)
        self.down_codes = _buffer(torch.uint8, count, hidden, inner // 2)
        self.down_scales = _buffer(torch.float8_e4m3fn, count, hidden, inner // NVFP4_BLOCK)
        self.down_global_scale = _buffer(torch.float32, count)

    def forward(self, x: Tensor, weights: Tensor, index: Tensor) -> Tensor:
        """[tokens, hidden] to [tokens, hidden]."""
        packed = NVFP4Experts(
            self.gate_up_codes,
            self.gate_up_scales,
            self.gate_global_scale,
            self.up_global_scale,
            self.down_codes,
            self.down_scales,
            self.down_global_scale,
        )
        return self.ops.experts_nvfp4(x, packed, weights, index)


class ExpertsFP8(nn.Module):
    """All experts of a layer, stacked; `FP8Experts` says what each buffer holds."""

    def __init__(self, count: int, hidden: int, inner: int, ops: Ops) -> None:
        super().__init__()
        self.ops = ops
        self.gate_up_codes = _buffer(torch.float8_e4m3fn, count, 2 * inner, hidden)
        self.gate_up_scales = _buffer(torch.float32, count, 2 * inner, 1)
        self.down_codes = _buffer(torch.float8_e4m3fn, count, hidden, inner)
        self.down_scales = _buffer(torch.float32, count, hidden, 1)

    def forward(self, x: Tensor, weights: Tensor, index: Tensor) -> Tensor:
        """[tokens, hidden] to [tokens, hidden]."""
        packed = FP8Experts(self.gate_up_codes, self.gate_up_scales, self.down_codes, self.down_scales)
        return self.ops.experts_fp8(x, packed, weights, index)


def pack_modules(model: nn.Module, paths: Iterable[str], scheme: Scheme, ops: Ops) -> None:
    """Put packed modules, still empty, in the place of the model's linear maps and experts of these names."""
    for path in paths:
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, _packed(model.get_submodule(path), scheme, ops))


def weight_of(linear: nn.Module, dtype: torch.dtype) -> Tensor:
    """The weight [out, in] of a linear map, plain (in its own data type) or packed (in `dtype`)."""
    return linear.weight_as(dtype) if isinstance(linear, PackedLinear) else linear.get_parameter("weight")


def _packed(module: nn.Module, scheme: Scheme, ops: Ops) -> nn.Module:
    if isinstance(module, nn.Linear):
        linear = {"nvfp4": LinearNVFP4, "fp8": LinearFP8}[scheme]
        return linear(module.in_features, module.out_features, ops)
    count, hidden, inner = module.get_parameter("down_proj").shape
    experts = {"nvfp4": ExpertsNVFP4, "fp8": ExpertsFP8}[scheme]
    return experts(count, hidden, inner, ops)


def _buffer(dtype: torch.dtype, *shape: int) -> Tensor:
    return nn.Buffer(torch.empty(shape, dtype=dtype))
