"""Streaming weights from files to a device: chunk by chunk, with progress, and to be stopped at any chunk."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

import torch
from torch import Tensor

from dgchat.checkpoint.formats.layout import TORCH_DTYPES, Layout
from dgchat.checkpoint.headers import Header
from dgchat.checkpoint.raw import CHUNK_BYTES, open_raw, read_into
from dgchat.engine.events import CancelSignal, LoadListener, LoadProgress
from dgchat.errors import CheckpointError, LoadCancelled


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
        except BaseException:
            state.clear()
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
        missing = Counter(expected.parameter for expected in self._layout.values())
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
                        self._check(parameter, state[parameter])

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

    def _check(self, parameter: str, values: Tensor) -> None:
        if _is_finite(values):
            return
        parts = [name for name, expected in self._layout.items() if expected.parameter == parameter]
        name = next(name for name in parts if not _is_finite(values[self._layout[name].block]))
        raise CheckpointError(f"{self._headers[name].file}: tensor {name!r} holds a NaN or an infinity")


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
        values.copy_(buffer.to(values.device, non_blocking=self._on_cuda))
        if self._on_cuda:
            self._copied[self._turn].record()

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


def _is_finite(tensor: Tensor) -> bool:
    low, high = torch.aminmax(tensor)  # a NaN is both; unlike isfinite, no copies as large as the tensor
    return bool(low.isfinite() & high.isfinite())
