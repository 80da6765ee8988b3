"""How far a batch is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from dgchat.model_commands.byte_bar import can_redraw

_LINE_SECONDS = 60.0
"""Without a bar a line is due after so long, and with every tenth of the rows."""


class BatchCounts:
    """What is done of a batch; `already` rows are from an earlier run."""

    def __init__(self, rows: int, already: int, failed: int, clock: Callable[[], float] = monotonic) -> None:
        self.rows = rows
        self.done = self._already = already
        self.failed = failed
        self._tokens = 0
        self._clock = clock
        self._began = clock()

    def add(self, tokens: int | None) -> None:
        """One more row is done, with an answer of so many tokens; None: it has failed."""
        self.done += 1
        self.failed += tokens is None
        self._tokens += tokens or 0

    @property
    def is_over(self) -> bool:
        """Whether all rows are done."""
        return self.done == self.rows

    def speed(self) -> str:
        """`312 tok/s, 0:01:20 left`: answer tokens per second of wall time, and how long the rest will take
        at this pace.
        """
        seconds = self._clock() - self._began
        here = self.done - self._already
        if not here or seconds <= 0:
            return "no row is done yet"
        left = timedelta(seconds=round(seconds / here * (self.rows - self.done)))
        rate = f"{self._tokens / seconds:.0f} tok/s"
        return f"{rate} in {timedelta(seconds=round(seconds))}" if self.is_over else f"{rate}, {left} left"

    def words(self) -> str:
        """All of it in a line."""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.rows} rows{failed}, {self.speed()}"


class BatchView(Protocol):
    """Shows a batch while it is entered."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, counts: BatchCounts) -> None:
        """Told after every row and every denoising step."""
        ...


class BatchBar:
    """One bar with rows, failures, tokens per second and the time left; drawn a few times a second."""

    def __init__(self, stream: TextIO) -> None:
        self._bar = Progress(
            TextColumn("rows", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[words]}", markup=False, table_column=Column(no_wrap=True)),
            console=Console(file=stream, highlight=False, markup=False),
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("rows", total=None, words="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, counts: BatchCounts) -> None:
        """Take the counts; the bar draws itself."""
        failed = f"{counts.failed} failed, " if counts.failed else ""
        words = f"{failed}{counts.speed()}"
        self._bar.update(self._task, completed=counts.done, total=counts.rows, words=words)


class BatchLines:
    """A line for every tenth of the rows, and one for every minute between."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._told_at = clock()
        self._told_tenth = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, counts: BatchCounts) -> None:
        """Write the line that is due, if one is."""
        tenth = 10 * counts.done // counts.rows
        if tenth > self._told_tenth or self._clock() - self._told_at >= _LINE_SECONDS:
            self._told_tenth, self._told_at = tenth, self._clock()
            self._stream.write(f"dgchat: {counts.words()}\n")
            self._stream.flush()


def batch_view(stream: TextIO) -> BatchView:
    """The view that suits the stream."""
    return BatchBar(stream) if can_redraw(stream) else BatchLines(stream)
