"""Reading tokens into a prefix, a chunk at a time: of one conversation, or of several answers at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from dgchat.engine.events import CancelSignal
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.ragged_prefix import RaggedPrefix
from dgchat.model.transformer import DiffusionGemma


def encode(
    model: DiffusionGemma,
    cache: KVCache,
    token_ids: Sequence[int],
    cancelled: CancelSignal,
    on_chunk: Callable[[int], object] = lambda length: None,
) -> None:
    """Add token ids to the cache; a cancel leaves the whole chunks done so far. Before each of several chunks
    `on_chunk` is told how long the prefix is.
    """
    done = 0
    has_several = len(token_ids) > cache.chunk_length
    while done < len(token_ids) and not cancelled.is_set():
        if has_several:
            on_chunk(cache.length)
        chunk = token_ids[done : done + cache.chunk_length]
        model.encode(torch.tensor([chunk], device=cache.device), cache)
        cache.commit(chunk)
        done += len(chunk)


def encode_rows(
    model: DiffusionGemma,
    prefix: RaggedPrefix,
    token_ids: Mapping[int, Sequence[int]],
    cancelled: CancelSignal,
) -> None:
    """Add token ids to the rows they are given for, all in the same passes; a cancel leaves whole chunks.

    Shorter rows are padded on the right: no real token sees the padding, and the next pass overwrites it.
    """
    left = {row: list(ids) for row, ids in token_ids.items() if ids}
    while left and not cancelled.is_set():
        rows = prefix.rows(list(left))
        chunks = {row: ids[: rows.chunk_length] for row, ids in left.items()}
        width = max(map(len, chunks.values()))
        padded = [[*chunk, *[0] * (width - len(chunk))] for chunk in chunks.values()]
        model.encode(torch.tensor(padded, device=prefix.device), rows)
        for row, chunk in chunks.items():
            prefix.commit(row, len(chunk))
        left = {row: ids[len(chunks[row]) :] for row, ids in left.items() if len(ids) > len(chunks[row])}
