"""Tensors that go together: experts as a quantised checkpoint packs them, fused norms, results of a step."""

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


@dataclass(frozen=True, slots=True)
class AttendedNorms:
    """Weights [hidden] of the norms between attention and what feeds forward."""

    post: Tensor
    """Of what attention gave."""
    dense: Tensor
    """Before the dense MLP."""
    sparse: Tensor
    """Before the experts."""
    router_scale: Tensor
    """The router's, whose norm has no weight."""


@dataclass(frozen=True, slots=True)
class FeedforwardNorms:
    """Weights [hidden] of the norms that end a layer and begin the next."""

    dense: Tensor
    """After the dense MLP."""
    sparse: Tensor
    """After the experts."""
    post: Tensor
    """Of their sum."""
    scalar: Tensor
    """[1]: the layer's own, the encoder's or the decoder's."""
    following: Tensor
    """Of the next layer's input, or before the LM head."""


@dataclass(frozen=True, slots=True)
class CanvasStatistics:
    """What a step knows of its logits; a row is a position of a canvas."""

    argmax: Tensor
    """int64 [rows]; of equals the first."""
    proposal: Tensor
    """int64 [rows]: the token drawn."""
    entropy: Tensor
    """fp32 [rows], nats."""
    lse: Tensor
    """fp32 [rows]: log-sum-exp of the rounded logits."""
    logits: Tensor
    """[rows, vocab]: capped, scaled, rounded to the embedding's type."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Where every expert's work lies."""

    order: Tensor
    """int32 [routes]: token * top_k + slot, sorted by expert."""
    tiles: Tensor
    """int32 [most tiles, 3]: expert, begin and end in `order`; expert -1 where there is no tile."""
