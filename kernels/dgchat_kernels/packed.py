"""Expert weights as they lie in memory when a checkpoint is quantised: packed, and one layer stacked."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

NVFP4_BLOCK = 16
"""Weights along a row that share one block scale."""


@dataclass(frozen=True, slots=True)
class NVFP4Experts:
    """One layer's experts in NVFP4: E2M1 codes, an E4M3 scale per block, an fp32 scale per projection."""

    gate_up_codes: Tensor
    """uint8 [experts, 2 * inner, hidden / 2]: gate's rows, then up's; the even weight in the low nibble."""
    gate_up_scales: Tensor
    """float8_e4m3fn [experts, 2 * inner, hidden / 16]"""
    gate_global_scale: Tensor
    """fp32 [experts]"""
    up_global_scale: Tensor
    """fp32 [experts]; may differ from gate's."""
    down_codes: Tensor
    """uint8 [experts, hidden, inner / 2]"""
    down_scales: Tensor
    """float8_e4m3fn [experts, hidden, inner / 16]"""
    down_global_scale: Tensor
    """fp32 [experts]"""


@dataclass(frozen=True, slots=True)
class FP8Experts:
    """One layer's experts in FP8: E4M3 codes and an fp32 scale per output channel."""

    gate_up_codes: Tensor
    """float8_e4m3fn [experts, 2 * inner, hidden]: gate's rows, then up's."""
    gate_up_scales: Tensor
    """fp32 [experts, 2 * inner, 1]"""
    down_codes: Tensor
    """float8_e4m3fn [experts, hidden, inner]"""
    down_scales: Tensor
    """fp32 [experts, hidden, 1]"""
