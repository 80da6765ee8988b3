"""How a download goes, file by file: bars on a terminal, a line per file elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import Progress

from dgchat.hub.repository import RemoteFile
from dgchat.hub.sizes import rounded
from dgchat.model_commands.byte_bar import byte_columns
from dgchat.safe_text import visible


class ProgressView(Protocol):
    """Shows a download while it is entered."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, bytes_of: Mapping[str, int], seconds_stalled: float | None) -> None:
        """How many bytes of each file that was begun are there, and for how long none has come."""
        ...


class ProgressBars:
    """A bar for the file that is coming and one for all of them, with bytes, rate and time left.

    No more lines than that: what a low screen has no room for is cut off, and that would be the total.
    """

    def __init__(self, files: Sequence[RemoteFile], stream: TextIO) -> None:
        self._sizes = {file.name: file.num_bytes for file in files}
        self._bars = Progress(
            *byte_columns(),
            console=Console(file=stream, highlight=False, markup=False),
            auto_refresh=False,
        )
        self._tasks = {
            name: self._bars.add_task(_title(name), total=size, visible=False)
            for name, size in self._sizes.items()
        }
        self._all = self._bars.add_task("all", total=sum(self._sizes.values()))

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, bytes_of: Mapping[str, int], seconds_stalled: float | None) -> None:
        """Draw the bars; a stall stands where `all` stood."""
        for name, task in self._tasks.items():
            if name in bytes_of:
                is_coming = bytes_of[name] < self._sizes[name]
                self._bars.update(task, completed=bytes_of[name], visible=is_coming)
        here = sum(bytes_of.get(name, 0) for name in self._sizes)
        words = "all" if seconds_stalled is None else f"stalled for {seconds_stalled:.0f} s"
        self._bars.update(self._all, completed=here, description=words)
        self._bars.refresh()


def _title(name: str) -> str:
    """A file's name, short enough that bar and figures stay on its line in 60 columns."""
    return visible(name, newlines=False).removesuffix(".safetensors")


class ProgressLines:
    """A line for each file that is whole, and one for each stall."""

    def __init__(self, files: Sequence[RemoteFile], stream: TextIO) -> None:
        self._sizes = {file.name: file.num_bytes for file in files}
        self._stream = stream
        self._told: set[str] = set()
        self._last_told = monotonic()
        self._is_stalled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, bytes_of: Mapping[str, int], seconds_stalled: float | None) -> None:
        """Write what has become whole since the last call, and a stall once."""
        for name, size in self._sizes.items():
            if name not in self._told and bytes_of.get(name) == size:
                self._told.add(name)
                now = monotonic()
                self._write(f"{name}: {rounded(size)} in {now - self._last_told:.1f} s")
                self._last_told = now
        if seconds_stalled is not None and not self._is_stalled:
            self._write(f"stalled: no byte for {seconds_stalled:.0f} s")
        self._is_stalled = seconds_stalled is not None

    def _write(self, line: str) -> None:
        self._stream.write(f"{visible(line, newlines=False)}\n")
        self._stream.flush()
