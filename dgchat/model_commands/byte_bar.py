"""One bar for work that is counted in bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from dgchat.engine.events import LoadProgress
from dgchat.session.loading import Loading, LoadingLines
from dgchat.ui.terminal import Terminal


def byte_columns() -> list[ProgressColumn]:
    """What a bar of bytes consists of: name, bar, bytes, rate, time left."""
    return [
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None),
        DownloadColumn(table_column=Column(no_wrap=True)),
        TransferSpeedColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    ]


def can_redraw(stream: TextIO) -> bool:
    """Whether `stream` is a terminal on which lines can be drawn over."""
    return stream.isatty() and not Terminal.from_environment(os.environ).is_dumb


class ByteBar:
    """Shows how far the work is, and is gone when it is left.

    Where `stream` cannot redraw, it is a line after a second, and another whenever the time has doubled.
    """

    def __init__(self, doing: str, stream: TextIO, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._work = Loading(doing, clock)
        self._lines = None if can_redraw(stream) else LoadingLines(self._work, clock)
        self._bars = Progress(
            *byte_columns(),
            console=Console(file=stream, highlight=False, markup=False),
            transient=True,
            disable=self._lines is not None,
        )
        self._task = self._bars.add_task(doing, total=None)

    def show(self, progress: LoadProgress) -> None:
        """Draw how far it is; cheap enough for thousands of calls a second."""
        if self._lines is None:
            self._bars.start()
            self._bars.update(self._task, completed=progress.done_bytes, total=progress.total_bytes)
            return
        self._work.report(progress)
        if line := self._lines.next_line():
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def hide(self) -> None:
        """Take the bar away until it is shown again, so that something else can be written."""
        self._bars.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()
