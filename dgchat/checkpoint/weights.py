"""Streaming weights from files to a device: chunk by chunk, with progress, and to be stopped at any chunk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

import torch
from torch import Tensor

from dgchat.checkpoint.formats.layout import TORCH_DTYPES, Layout
from dgchat.checkpoint.headers import Header
from dgchat.checkpoint.raw import CHUNK_BYTES, open_raw, read_into
from dgchat.engine.events import CancelSignal, LoadListener, LoadProgress
from dgchat.errors import CheckpointError, LoadCancelled, forget_frames


class WeightReader:
    """Reads the weights of one checkpoint once."""

    def __init__(
        self,
        folder: Path,
        layout: Layout,
        headers: Mapping[str, Header],
        on_progress: LoadListener | None,
        cancelled: CancelSignal | None,
    ) -> None:
        self._folder = folder
        self._layout = layout
        self._headers = headers
        self._cancelled = cancelled
        self._on_progress = on_progress
        self._done_bytes = 0
        self._total_bytes = sum(header.num_bytes for header in headers.values())
        self._parts: dict[str, list[str]] = defaultdict(list)
        for name, expected in layout.items():
            self._parts[expected.parameter].append(name)

    def read(
        self, shapes: Mapping[str, torch.Size], device: torch.device, dtype: torch.dtype
    ) -> dict[str, Tensor]:
        """The parameters of these names and shapes on `device`, as `dtype` unless the layout keeps another.

        CheckpointError names the file and tensor that holds a NaN or an infinity; LoadCancelled once
        `cancelled` is set. Beside the parameters there are never more than a few chunks in memory.
        """
        state: dict[str, Tensor] = {}
        try:
            self._fill(state, shapes, device, dtype)
        except BaseException as error:
            state.clear()
            forget_frames(error)
            if device.type == "cuda":
                torch.cuda.empty_cache()
            raise
        return state

    def _fill(
        self,
        state: dict[str, Tensor],
        shapes: Mapping[str, torch.Size],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        staging = Staging(device)
        missing = {parameter: len(names) for parameter, names in self._parts.items()}
        for file, names in self._by_file().items():
            with open_raw(self._folder, file) as stream:
                for name in names:
                    expected = self._layout[name]
                    parameter = expected.parameter
                    if parameter not in state:
                        kept_as = expected.kept_as or dtype
                        state[parameter] = torch.empty(shapes[parameter], dtype=kept_as, device=device)
                    self._read_tensor(stream, self._headers[name], state[parameter][expected.block], staging)
                    missing[parameter] -= 1
                    if not missing[parameter]:
                        self._finish(parameter, state[parameter], dtype)

    def _by_file(self) -> dict[str, list[str]]:
        """Names of the tensors in each file, in the order in which they lie there."""
        files: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self._headers, key=lambda name: self._headers[name].offset):
            files[self._headers[name].file].append(name)
        return dict(sorted(files.items()))

    def _read_tensor(self, stream: FileIO, header: Header, block: Tensor, staging: Staging) -> None:
        stored = TORCH_DTYPES[header.dtype]
        values = block.view(-1)
        step = CHUNK_BYTES // stored.itemsize
        for start in range(0, len(values), step):
            if self._cancelled is not None and self._cancelled.is_set():
                raise LoadCancelled("loading was cancelled")
            chunk = values[start : start + step]
            staging.fill(stream, header.offset + start * stored.itemsize, chunk, stored)
            self._report(len(chunk) * stored.itemsize)

    def _report(self, num_bytes: int) -> None:
        self._done_bytes += num_bytes
        if self._on_progress is not None:
            self._on_progress(LoadProgress(self._done_bytes, self._total_bytes))

    def _finish(self, parameter: str, values: Tensor, dtype: torch.dtype) -> None:
        """Check a parameter whose last part has arrived, and turn reciprocals over."""
        expected = self._layout[self._parts[parameter][0]]
        if expected.is_reciprocal:
            self._check(parameter, values, 1.0, values.dtype)
            values.copy_(torch.where(values == 0, 0, 1 / values))
        self._check(parameter, values, expected.largest_factor, dtype)

    def _check(self, parameter: str, values: Tensor, largest_factor: float, dtype: torch.dtype) -> None:
        if _is_usable(values, largest_factor, dtype):
            return
        for name in self._parts[parameter]:
            if not _is_usable(values[self._layout[name].block], largest_factor, dtype):
                file = self._headers[name].file
                raise CheckpointError(f"{file}: tensor {name!r} holds a NaN or an infinity")


class Staging:
    """Brings bytes from a file into a tensor on any device, converting where the types differ.

    On a GPU two pinned buffers take turns: one is copied to the device while the other is filled.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_cuda = device.type == "cuda"
        self._buffers: list[Tensor] = []
        self._copied = [torch.cuda.Event() for _ in range(2)] if self._on_cuda else []
        self._turn = 0

    def fill(self, stream: FileIO, offset: int, values: Tensor, stored: torch.dtype) -> None:
        """Fill `values`, one-dimensional and at most a chunk, with what lies at `offset` as `stored`."""
        if values.device.type == "cpu" and values.dtype == stored:
            read_into(stream, offset, values)
            return
        buffer = self._next_buffer()[: len(values) * stored.itemsize].view(stored)
        read_into(stream, offset, buffer)
        if values.dtype != stored:
            buffer = buffer.to(values.device, non_blocking=self._on_cuda)
        values.copy_(buffer, non_blocking=self._on_cuda)
        if self._on_cuda:
            self._copied[self._turn].record(torch.cuda.current_stream(values.device))

    def _next_buffer(self) -> Tensor:
        if not self._buffers:
            count = 2 if self._on_cuda else 1
            buffers = [
                torch.empty(CHUNK_BYTES, dtype=torch.uint8, pin_memory=self._on_cuda) for _ in range(count)
            ]
            self._buffers = buffers
        self._turn = (self._turn + 1) % len(self._buffers)
        if self._on_cuda:
            self._copied[self._turn].synchronize()
        return self._buffers[self._turn]


def _is_usable(values: Tensor, largest_factor: float, dtype: torch.dtype) -> bool:
    """Whether the values, and what they are multiplied out to in `dtype`, are numbers."""
    if values.dtype == torch.uint8:  # every byte is two codes
        return True
    if values.dtype == torch.float8_e4m3fn:
        chunks = values.view(torch.uint8).flatten().split(CHUNK_BYTES)
        return not bool(torch.stack([((chunk & 0x7F) == 0x7F).any() for chunk in chunks]).any())
    low, high = torch.aminmax(values)  # a NaN is both; unlike isfinite, no copies as large as the tensor
    limits = (torch.stack((low, high)) * largest_factor).to(dtype)
    return bool(limits.isfinite().all())
