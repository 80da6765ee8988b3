"""The loading of a model, while somebody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from time import monotonic

from dgchat.engine.events import Engine, LoadProgress

_LEAST_SECONDS = 0.5
"""Before so much time has passed since the first byte, a rate says nothing."""

_FIRST_LINE_SECONDS = 1.0


class Loading:
    """Written by the thread that loads, read by whoever shows it; `cancelled` is set to stop it."""

    def __init__(self, doing: str = "loading", clock: Callable[[], float] = monotonic) -> None:
        self._doing = doing
        self.cancelled = Flag()
        self._clock = clock
        self._began = clock()
        self._progress: LoadProgress | None = None
        self._first_report = 0.0
        self.plan = ""
        """In a line, the memory that the model will take; empty until that is known."""
        self.on_plan: Callable[[str], object] = lambda plan: None
        """Called with that line in the thread that loads, before the first byte is read."""
        self.on_wait: Callable[[str], object] = lambda why: None
        """Called likewise, with what is waited for before the loading can begin."""

    def take_plan(self, plan: str) -> None:
        """Take note of the memory that the model will take."""
        self.plan = plan
        self.on_plan(plan)

    def tell_wait(self, why: str) -> None:
        """Take note that somebody else has to be waited for."""
        self.plan = why
        self.on_wait(why)

    def report(self, progress: LoadProgress) -> None:
        """Take note of how far it is."""
        if self._progress is None:
            self._first_report = self._clock()
        self._progress = progress

    @property
    def is_reading(self) -> bool:
        """Whether it is known by now how many bytes there are."""
        return self._progress is not None

    def describe(self, between: str = " · ") -> str:
        """`loading 3.2 of 18.8 GB · 12 s · 2.1 GB/s`; before the first byte has been read, only the time."""
        now = self._clock()
        progress = self._progress
        if progress is None:
            return f"{self._doing} the model{between}{now - self._began:.1f} s"
        unit, size = ("GB", 1e9) if progress.total_bytes >= 1e9 else ("MB", 1e6)
        figures = [
            f"{self._doing} {progress.done_bytes / size:.1f} of {progress.total_bytes / size:.1f} {unit}",
            f"{now - self._began:.0f} s",
        ]
        seconds = now - self._first_report
        if seconds >= _LEAST_SECONDS:
            figures.append(f"{progress.done_bytes / size / seconds:.1f} {unit}/s")
        return between.join(figures)


class LoadingLines:
    """What is said of a loading where nothing can be drawn over: a line after a second, and from then on
    whenever the time has doubled; none before there are bytes to tell.
    """

    def __init__(self, loading: Loading, clock: Callable[[], float] = monotonic) -> None:
        self._loading = loading
        self._clock = clock
        self._began = clock()
        self._due_seconds = _FIRST_LINE_SECONDS

    def next_line(self) -> str | None:
        """The line that is due by now, if one is."""
        seconds = self._clock() - self._began
        if seconds < self._due_seconds or not self._loading.is_reading:
            return None
        while self._due_seconds <= seconds:
            self._due_seconds *= 2
        return self._loading.describe(between=", ")


EngineLoader = Callable[[Loading], Engine]
