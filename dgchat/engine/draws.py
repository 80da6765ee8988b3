"""Randomness as a pure function of (seed, canvas, step, position, purpose): no state."""

from __future__ import annotations

import torch
from torch import Tensor

MASK_64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
MIX_1, MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

INITIAL, PROPOSAL, NOISE, FORGETTING = 1, 2, 3, 4


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * MIX_1) & MASK_64
    value = ((value ^ (value >> 27)) * MIX_2) & MASK_64
    return value ^ (value >> 31)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    return (x >> bits) & (
        (1 << (64 - bits)) - 1
    )  # int64 shifts are arithmetic; the mask makes this one logical


def _mix_tensor(x: Tensor) -> Tensor:
    x = (x ^ _shift_right(x, 30)) * _signed(MIX_1)
    x = (x ^ _shift_right(x, 27)) * _signed(MIX_2)
    return x ^ _shift_right(x, 31)


class Draws:
    """All draws of one answer. Shapes are [batch, canvas]; rows of a batch are alike but for their seed."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed = seed
        self.device = device
        # Apple GPUs have no float64: there the draws are made on the CPU, bit for bit the same
        self._maker = torch.device("cpu") if device.type == "mps" else device

    def initial_canvas(self, canvas_index: int, shape: tuple[int, int], vocab_size: int) -> Tensor:
        """Uniform token ids that a canvas starts from."""
        return self._ids(self._uniforms(canvas_index, 0, INITIAL, shape), vocab_size)

    def proposal(self, canvas_index: int, step: int, shape: tuple[int, int]) -> Tensor:
        """Uniform numbers in [0, 1), float64 if the device has it, that choose each proposed token."""
        uniforms = self._uniforms(canvas_index, step, PROPOSAL, shape)
        return uniforms.float().to(self.device) if self._maker != self.device else uniforms

    def noise(self, canvas_index: int, step: int, shape: tuple[int, int], vocab_size: int) -> Tensor:
        """Uniform token ids for the positions that are renoised."""
        return self._ids(self._uniforms(canvas_index, step, NOISE, shape), vocab_size)

    def forgotten(
        self, canvas_index: int, refine_pass: int, shape: tuple[int, int], noise_level: float
    ) -> Tensor:
        """True where a draft becomes noise: at `noise_level` 0 nowhere, at 1 everywhere."""
        return (self._uniforms(canvas_index, refine_pass, FORGETTING, shape) < noise_level).to(self.device)

    def _uniforms(self, canvas_index: int, step: int, purpose: int, shape: tuple[int, int]) -> Tensor:
        key = 0
        for part in (self.seed, canvas_index, step, purpose):
            key = _mix((key + GOLDEN + part) & MASK_64)
        positions = torch.arange(1, shape[1] + 1, device=self._maker) * _signed(GOLDEN)
        bits = _shift_right(_mix_tensor(positions + _signed(key)), 11)  # 53 bits
        return (bits.double() * 2.0**-53).expand(shape)

    def _ids(self, uniforms: Tensor, vocab_size: int) -> Tensor:
        return (uniforms * vocab_size).long().to(self.device)
