"""Reading a checkpoint whole: is every file what was published, and every weight a number?"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from dgchat.checkpoint.files import inside, own_files, read_text
from dgchat.checkpoint.folder import open_checkpoint
from dgchat.checkpoint.formats.layout import TORCH_DTYPES
from dgchat.checkpoint.headers import Header, read_headers
from dgchat.checkpoint.raw import CHUNK_BYTES, open_raw, read_into
from dgchat.engine.events import LoadListener, LoadProgress
from dgchat.errors import CheckpointError

SUMS = "SHA256SUMS"
"""A file of this name says which SHA-256 each other file should have, as sha256sum writes it."""

_SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?(.+)", re.IGNORECASE)
_GIT_BLOB, _LARGE_FILE = 40, 64
"""Digits of the names in the Hugging Face cache: the SHA-1 that Git gives a file, SHA-256 for large ones."""


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A file that is in order."""

    name: str
    num_bytes: int
    sha256: str
    against: Literal["Hugging Face cache", "SHA256SUMS"] | None
    """What its contents were compared with; None where nothing tells what they should be."""


def verify(
    folder: Path,
    on_file: Callable[[VerifiedFile], None],
    on_progress: LoadListener | None = None,
) -> None:
    """Check a folder as `open_checkpoint` does, then read every byte of it: `on_file` gets each file that is
    in order, `on_progress` the bytes of all files so far.

    CheckpointError names the first file that is not what it should be, or the tensor of it that holds a NaN
    or an infinity.
    """
    open_checkpoint(folder)
    sums = _read_sums(folder)
    names = sorted(own_files(folder) - {SUMS} | sums.keys())
    sizes = {name: inside(folder, name).stat().st_size for name in names}
    tensors: dict[str, list[tuple[str, Header]]] = defaultdict(list)
    for tensor, header in read_headers(folder).items():
        tensors[header.file].append((tensor, header))
    reader = _Reader(folder, sum(sizes.values()), on_progress)
    for name, num_bytes in sizes.items():
        blob = _blob_name(folder / name)
        hashes = _Hashes(num_bytes, with_git=len(blob) == _GIT_BLOB)
        faulty = reader.read(name, num_bytes, tensors[name], hashes)
        against = _compare(name, hashes, sums.get(name), blob)
        if faulty is not None:
            raise CheckpointError(f"{name}: tensor {faulty!r} holds a NaN or an infinity")
        on_file(VerifiedFile(name, num_bytes, hashes.sha256, against))


class _Hashes:
    """The hashes of a file of so many bytes: SHA-256, and Git's own if it is asked for."""

    def __init__(self, num_bytes: int, with_git: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._git_blob = hashlib.sha1(b"blob %d\0" % num_bytes, usedforsecurity=False)
        self._with_git = with_git

    def update(self, data: memoryview) -> None:
        """Take in the next bytes."""
        self._sha256.update(data)
        if self._with_git:
            self._git_blob.update(data)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the contents."""
        return self._sha256.hexdigest()

    @property
    def git_blob(self) -> str:
        """The name that Git gives the contents."""
        return self._git_blob.hexdigest()


class _Reader:
    """Reads files through one buffer, for hashes and for numbers that are none."""

    def __init__(
        self,
        folder: Path,
        total_bytes: int,
        on_progress: LoadListener | None,
    ) -> None:
        self._folder = folder
        self._total_bytes, self._done_bytes = total_bytes, 0
        self._on_progress = on_progress
        self._buffer = torch.empty(CHUNK_BYTES, dtype=torch.uint8)

    def read(
        self, file: str, num_bytes: int, tensors: list[tuple[str, Header]], hashes: _Hashes
    ) -> str | None:
        """Hash a file of so many bytes; the first of its tensors that holds a NaN or an infinity."""
        faulty = None
        with open_raw(self._folder, file) as stream:
            for start, end, tensor, dtype in _spans(num_bytes, tensors):
                chunk = self._buffer[: end - start]
                read_into(stream, start, chunk)
                hashes.update(chunk.numpy().data)
                if faulty is None and dtype is not None and not _is_finite(chunk.view(dtype)):
                    faulty = tensor
                self._done_bytes += end - start
                if self._on_progress is not None:
                    self._on_progress(LoadProgress(self._done_bytes, self._total_bytes))
        return faulty


Span = tuple[int, int, str, torch.dtype | None]
"""From which byte to which, of which tensor, of which data type; None for what is no number we know."""


def _spans(num_bytes: int, tensors: list[tuple[str, Header]]) -> Iterator[Span]:
    """All of a file in pieces that fit the buffer; safetensors leave no gap between their tensors."""
    regions: list[Span] = []
    ordered = sorted(tensors, key=lambda tensor: tensor[1].offset)
    begin = ordered[0][1].offset if ordered else num_bytes
    regions.append((0, begin, "", None))
    for name, header in ordered:
        regions.append(
            (header.offset, header.offset + header.num_bytes, name, TORCH_DTYPES.get(header.dtype))
        )
    for first, last, name, dtype in regions:
        for start in range(first, last, CHUNK_BYTES):
            yield start, min(start + CHUNK_BYTES, last), name, dtype


def _is_finite(values: Tensor) -> bool:
    if values.dtype == torch.uint8:  # packed codes, every one of which is a number
        return True
    if values.dtype == torch.float8_e4m3fn:
        return not bool(((values.view(torch.uint8) & 0x7F) == 0x7F).any())  # its NaNs; it has no infinity
    low, high = torch.aminmax(values)
    return bool(low.isfinite() & high.isfinite())


def _blob_name(path: Path) -> str:
    """What the Hugging Face cache calls the contents of a file; empty outside of it."""
    blob = path.resolve()
    is_blob = blob.parent.name == "blobs" and len(blob.name) in (_GIT_BLOB, _LARGE_FILE)
    return blob.name if is_blob else ""


def _compare(
    name: str, hashes: _Hashes, stated: str | None, blob: str
) -> Literal["Hugging Face cache", "SHA256SUMS"] | None:
    """What a file's hash was found to equal; CheckpointError if it should and does not."""
    if stated is not None:
        _must_equal(name, hashes.sha256, stated, f"{SUMS} says")
        return "SHA256SUMS"
    if not blob:
        return None
    found = hashes.git_blob if len(blob) == _GIT_BLOB else hashes.sha256
    _must_equal(name, found, blob, "its name in the Hugging Face cache says")
    return "Hugging Face cache"


def _must_equal(name: str, found: str, expected: str, who: str) -> None:
    if found.lower() != expected.lower():
        raise CheckpointError(
            f"{name} is not what was published: its hash is {found}, {who} {expected}",
            hint=f"fetch it again: dgchat models pull NAME --again {name}",
        )


def _read_sums(folder: Path) -> dict[str, str]:
    """The SHA-256 that each file should have, by its name; empty without a list."""
    if not (folder / SUMS).exists():
        return {}
    sums: dict[str, str] = {}
    for line in read_text(folder, SUMS).splitlines():
        match = _SUM_LINE.fullmatch(line.strip())
        if match is None:
            raise CheckpointError(f"{SUMS}: {line!r} is no SHA-256 and file name")
        sums[match[2]] = match[1]
    return sums
