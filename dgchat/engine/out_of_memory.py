"""The device that is full after all, because another program took what the plan counted on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dgchat.engine.device import free_memory
from dgchat.errors import InsufficientMemoryError, forget_frames
from dgchat.hub.sizes import rounded


@contextmanager
def refused_when_full(
    name: str, device: str, context_length: int, remedy: str | None = None
) -> Iterator[None]:
    """In place of torch's error an InsufficientMemoryError that says what the model called `name` held and
    what was free; nothing that the work had allocated is kept by it. The remedy: half the context, unless
    another is given.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        opened = remedy or f"--context {context_length // 2}"
        held, free = _held_memory(device), free_memory(device)
        forget_frames(error)
        raise InsufficientMemoryError(
            f"{name} ran out of memory on {device} with a context of {context_length:,} tokens: it held"
            f" {_words(held)}, {_words(free)} were free",
            hint=f"end what else uses the device, or open it with {opened}",
        ) from None


def _held_memory(device: str) -> int | None:
    return torch.cuda.memory_allocated() if device == "cuda" else None


def _words(num_bytes: int | None) -> str:
    return "an unknown amount" if num_bytes is None else rounded(num_bytes)
