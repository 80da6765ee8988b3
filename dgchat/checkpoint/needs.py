"""How much memory a checkpoint needs, estimated from the size of its weights alone."""

from __future__ import annotations

WORKSPACE_BYTES = 2_000_000_000
"""Beyond the weights: the cache of a few thousand tokens, and logits over the whole vocabulary."""


def needs_bytes(weight_bytes: int, kind: str, device: str) -> int:
    """Bytes of memory on `device` (`cpu`, `cuda`, `mps`) for weights stored as `kind`."""
    widened = 2 if device == "cpu" and kind == "bf16" else 1  # a CPU computes in fp32
    return weight_bytes * widened + WORKSPACE_BYTES
