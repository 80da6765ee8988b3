"""Writing a safetensors file tensor by tensor, in any order, without ever holding it in memory."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import torch
from torch import Tensor

from dgchat.checkpoint.tensors import Shape


class Entry(NamedTuple):
    """What a file is to hold under a name."""

    dtype: str
    """Data type as safetensors calls it."""
    shape: Shape
    num_bytes: int
    """Bytes of its values."""


class SafetensorsWriter:
    """A new file whose tensors are known beforehand; leaving its context without error leaves it on disk."""

    def __init__(self, path: Path, entries: Mapping[str, Entry]) -> None:
        header, self._begin = _header(entries)
        self._stream = path.open("xb")
        self._stream.write(header)
        self._stream.truncate(len(header) + sum(entry.num_bytes for entry in entries.values()))
        self._data_start = len(header)

    def write(self, name: str, values: Tensor, start: int = 0) -> None:
        """Write a tensor's bytes, or part of them from byte `start` of its values on."""
        self._stream.seek(self._data_start + self._begin[name] + start)
        self._stream.write(values.contiguous().view(-1).view(torch.uint8).numpy().data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stream:
            if kind is None:
                self._stream.flush()
                os.fsync(self._stream.fileno())


def file_bytes(entries: Mapping[str, Entry]) -> int:
    """Size of the file that would hold these tensors."""
    return len(_header(entries)[0]) + sum(entry.num_bytes for entry in entries.values())


def _header(entries: Mapping[str, Entry]) -> tuple[bytes, dict[str, int]]:
    """The file's beginning, and where after it each tensor begins: those of wider types first, so that all
    are aligned.
    """
    begin: dict[str, int] = {}
    content: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in sorted(entries, key=lambda name: (-_value_bytes(entries[name]), name)):
        entry = entries[name]
        begin[name], end = end, end + entry.num_bytes
        content[name] = {"dtype": entry.dtype, "shape": entry.shape, "data_offsets": [begin[name], end]}
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, begin


def _value_bytes(entry: Entry) -> int:
    return entry.num_bytes // max(1, math.prod(entry.shape))
