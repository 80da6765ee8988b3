"""How many rows the prefix cache has and what they weigh: arithmetic on a config, no tensors.

A row is the keys and values of one token in one layer. For the 26B checkpoint in bf16 (window
1024, canvas 256):

    sliding layers, 200 KiB a row   window 1023 + slack 1280 + spare 512; snapshot 1279   0.78 GiB, constant
    full layers, 20 KiB a row       as many as the context, in steps of 1024              0.63 GiB at 32,768
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgchat.model.config import LayerConfig, ModelConfig

if TYPE_CHECKING:  # whoever only plans the memory has not loaded torch
    import torch

MAX_CHUNK = 512
"""Most tokens encoded at once: bounds memory, and the time until a cancel is heard."""

MAX_CHUNK_SCORES = 2**24
"""Most pairs of a chunk's token and one before the chunk, which bounds mask and scores: 512 x 32,768, then
fewer tokens at once, down to 64 x 262,144.
"""

PROMPT_END = 256
"""Tokens at the end of a prompt that the next one may not share: the opening of the model's turn, which a
template may write otherwise once it is history (7 tokens in the real ones), or a question that is reworded.
Both slack and snapshot reach back so far before the prompt's end.
"""

SLACK_CANVASES = 4
"""Committed canvases that can be rolled back without the snapshot.

All canvases of an answer but the last are committed, so to go back on an answer of up to five costs nothing
to encode again: 4 x 256 tokens, and the prompt's end. Longer ones, those with a thought above all, are what
the snapshot is for.
"""

GROWTH_STEP = 1024
"""Rows by which a full layer grows."""


@dataclass(frozen=True, slots=True)
class SlidingSizes:
    """Rows of a sliding layer, the same however long the context is."""

    window: int
    """Rows before its own that a token sees."""
    slack: int
    """Rows kept before those: how far a roll back reaches."""
    spare: int
    """Rows that can be added before the kept ones have to be moved: the most that can be added at once."""
    snapshot: int
    """Rows of the snapshot."""

    @property
    def capacity(self) -> int:
        """Rows of the layer, the snapshot's not counted."""
        return self.window + self.slack + self.spare


def sliding_sizes(config: ModelConfig, max_chunk: int = MAX_CHUNK) -> SlidingSizes:
    """The sizes for chunks of at most `max_chunk` tokens; none beyond what the model's context can fill."""
    longest = config.max_position_embeddings
    window = min(config.sliding_window - 1, longest)
    return SlidingSizes(
        window=window,
        slack=min(SLACK_CANVASES * config.canvas_length + PROMPT_END, longest - window),
        spare=max(max_chunk, config.canvas_length),
        snapshot=min(window + PROMPT_END, longest),
    )


def full_capacity(length: int) -> int:
    """Rows of a full layer that holds `length` of them."""
    return -(-length // GROWTH_STEP) * GROWTH_STEP


def chunk_length(prefix: int, max_chunk: int = MAX_CHUNK) -> int:
    """How many tokens to encode at once after a prefix: the longer it is, the fewer."""
    chunk = max_chunk
    while chunk > 1 and chunk * prefix > MAX_CHUNK_SCORES:
        chunk //= 2
    return chunk


def cache_bytes(config: ModelConfig, context: int, dtype: torch.dtype, batch: int = 1) -> int:
    """Bytes of a prefix cache that has held `context` tokens, the canvas being denoised included."""
    sliding, full = sliding_sizes(config), full_capacity(context)
    rows = {True: sliding.capacity + sliding.snapshot, False: full}
    return sum(rows[layer.sliding] * row_bytes(layer, dtype) for layer in config.layers) * batch


def row_bytes(layer: LayerConfig, dtype: torch.dtype) -> int:
    """Bytes of one token's keys and values in one layer."""
    return 2 * layer.num_kv_heads * layer.head_dim * dtype.itemsize
