"""One bar for work that is counted in bytes."""

from __future__ import annotations

import os
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
    """Shows how far the work is, and is gone when it is left; where `stream` cannot redraw, nothing."""

    def __init__(self, doing: str, stream: TextIO) -> None:
        self._bars = Progress(
            *byte_columns(),
            console=Console(file=stream, highlight=False, markup=False),
            transient=True,
            disable=not can_redraw(stream),
        )
        self._task = self._bars.add_task(doing, total=None)

    def show(self, progress: LoadProgress) -> None:
        """Draw how far it is; cheap enough for thousands of calls a second."""
        self._bars.start()
        self._bars.update(self._task, completed=progress.done_bytes, total=progress.total_bytes)

    def hide(self) -> None:
        """Take the bar away until it is shown again, so that something else can be written."""
        self._bars.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()
