"""What a checkpoint's safetensors files say of their tensors, read without reading a single weight.

Plain reads and checks of our own: the library maps the file, and a file that shrinks meanwhile then kills the
process.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeGuard

from dgchat.checkpoint.files import INDEX, inside, weight_files
from dgchat.errors import CheckpointError

_PREAMBLE_BYTES = 8
"""A safetensors file begins with the length of its JSON header, little-endian."""

_MAX_HEADER_BYTES = 32 * 2**20
"""A longer header is refused unread; 34,000 tensors take 5 MB."""

_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
"""Size of a value of each data type of the format."""


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
    if weight_map is not None:
        _compare(headers, weight_map)
    return headers


def _compare(headers: dict[str, Header], weight_map: dict[str, str]) -> None:
    for name, file in weight_map.items():
        if name not in headers or headers[name].file != file:
            raise CheckpointError(f"{file}: {name!r}, which the index puts there, is missing")
    for name in headers.keys() - weight_map.keys():
        raise CheckpointError(f"{headers[name].file}: {name!r} is missing from {INDEX}")


def _file_headers(folder: Path, file: str) -> Iterator[tuple[str, Header]]:
    path = inside(folder, file)
    try:
        with path.open("rb") as stream:
            entries, start = _read_entries(stream)
            num_bytes = os.fstat(stream.fileno()).st_size - start
        headers = {name: _header(file, name, entry, start) for name, entry in entries.items()}
        _check_places(headers, start, num_bytes)
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file: {error}") from error
    yield from headers.items()


def _read_entries(stream: BufferedReader) -> tuple[dict[str, Any], int]:
    """The entries of a file's header by name, and where the values begin."""
    length = int.from_bytes(stream.read(_PREAMBLE_BYTES), "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError(f"its header would have {length:,} bytes, more than {_MAX_HEADER_BYTES:,}")
    raw = stream.read(length)
    if not raw or len(raw) < length:
        raise ValueError("it ends before its header does")
    entries = json.loads(raw, object_pairs_hook=_without_duplicates)
    if not isinstance(entries, dict):
        raise ValueError("its header is no object")
    entries.pop("__metadata__", None)
    return entries, _PREAMBLE_BYTES + length


def _header(file: str, name: str, entry: Any, start: int) -> Header:
    """An entry as a header, if type, shape and size agree."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = (fields.get(field) for field in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise ValueError(f"{name!r} has no data type of the format: {dtype!r}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"{name!r} has no shape and place")
    begin, end = offsets
    if math.prod(shape) * _BITS[dtype] != (end - begin) * 8:
        raise ValueError(f"{name!r} has another size than its shape and type say")
    return Header(file, dtype, tuple(shape), end - begin, start + begin)


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _check_places(headers: dict[str, Header], start: int, num_bytes: int) -> None:
    """ValueError unless the values lie one after the other, from the header to the end of the file."""
    end = start
    for name, header in sorted(headers.items(), key=lambda item: (item[1].offset, item[1].num_bytes)):
        if header.offset != end:
            raise ValueError(f"{name!r} does not begin where the tensor before it ends")
        end += header.num_bytes
    if end != start + num_bytes:
        raise ValueError(f"it holds {num_bytes:,} bytes of values, its header tells of {end - start:,}")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in entries if names.count(name) > 1)
        raise ValueError(f"{twice!r} is in its header twice")
    return entries
