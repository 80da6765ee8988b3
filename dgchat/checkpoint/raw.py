"""Plain reads of a tensor's bytes: a file that shrinks meanwhile is an error, where a mapping would crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import torch
from torch import Tensor

from dgchat.checkpoint.files import inside
from dgchat.errors import CheckpointError

CHUNK_BYTES = 32 * 2**20
"""Bytes read at once: bounds the memory beside the weights, and the time until a cancel is heard."""


@contextmanager
def open_raw(folder: Path, file: str) -> Iterator[FileIO]:
    """A file of the folder, unbuffered; CheckpointError if it does not open."""
    path = inside(folder, file)
    try:
        stream = FileIO(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    with stream:
        yield stream


def read_into(stream: FileIO, offset: int, target: Tensor) -> None:
    """Fill `target`, contiguous and in host memory, with the bytes from `offset` on; CheckpointError if the
    file does not give them.
    """
    memory = target.view(-1).view(torch.uint8).numpy().data
    filled = 0
    try:
        stream.seek(offset)
        while filled < len(memory) and (count := stream.readinto(memory[filled:])):
            filled += count
    except OSError as error:
        raise CheckpointError(f"{stream.name} cannot be read: {error}") from error
    if filled < len(memory):
        raise CheckpointError(f"{stream.name} has become shorter while it was read")
