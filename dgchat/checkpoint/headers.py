"""What a checkpoint's safetensors files say of their tensors, read without reading a single weight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from dgchat.checkpoint.files import inside, weight_files
from dgchat.errors import CheckpointError

_PREAMBLE_BYTES = 8
"""A safetensors file begins with the length of its JSON header, little-endian."""


@dataclass(frozen=True, slots=True)
class Header:
    file: str
    """Name of the file in the checkpoint folder."""
    dtype: str
    """Data type as safetensors calls it: BF16, F32, U8, F8_E4M3 ..."""
    shape: tuple[int, ...]
    num_bytes: int
    """Bytes of the values."""
    offset: int
    """Where the values begin, in bytes from the start of the file."""


def read_headers(folder: Path) -> dict[str, Header]:
    """The header of every tensor in the folder; CheckpointError for a file that is not whole, a tensor that
    is there twice, and an index that does not tell the truth.
    """
    files, weight_map = weight_files(folder)
    headers: dict[str, Header] = {}
    for file in files:
        for name, header in _file_headers(folder, file):
            if name in headers:
                raise CheckpointError(f"{name!r} is in both {headers[name].file} and {file}")
            headers[name] = header
    for name, file in (weight_map or {}).items():
        if name not in headers or headers[name].file != file:
            raise CheckpointError(f"{file}: {name!r}, which the index puts there, is missing")
    return headers


def _file_headers(folder: Path, file: str) -> Iterator[tuple[str, Header]]:
    path = inside(folder, file)
    try:
        with safe_open(path, framework="np"):  # refuses overlaps, holes, and sizes that do not add up
            pass
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(_PREAMBLE_BYTES), "little")
            entries = json.loads(stream.read(length), object_pairs_hook=_without_duplicates)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file: {error}") from error
    entries.pop("__metadata__", None)
    for name, entry in entries.items():
        begin, end = entry["data_offsets"]
        where = _PREAMBLE_BYTES + length + begin
        yield name, Header(file, entry["dtype"], tuple(entry["shape"]), end - begin, where)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in entries if names.count(name) > 1)
        raise ValueError(f"{twice!r} is in its header twice")
    return entries
