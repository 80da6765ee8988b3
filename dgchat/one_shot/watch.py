"""Shows an answer being written: whatever makes it works in a thread, the frames are drawn here."""

from __future__ import annotations

import time
from textwrap import wrap
from typing import Protocol

from rich.cells import cell_len, chop_cells

from dgchat.one_shot.canvas_lines import CanvasLines
from dgchat.one_shot.printer import InPlacePrinter, Line
from dgchat.one_shot.worker import Worker
from dgchat.safe_text import visible
from dgchat.session.loading import Loading
from dgchat.session.turn import Turn
from dgchat.ui.pace import Pace
from dgchat.ui.playback import Playback


def run_watched(watched: Watched, printer: InPlacePrinter, canvas: CanvasLines, pace: Pace) -> None:
    """Answer in a thread and draw until the last step has been seen; raises what the engine raised."""
    worker = Worker(watched.run)
    frames = Frames(watched, canvas, pace)
    worker.start()
    try:
        while worker.is_alive() or not frames.are_over(time.monotonic()):
            if worker.failure is not None:
                break
            printer.draw(frames.at(time.monotonic(), printer.columns))
            time.sleep(1 / pace.frames_per_second)
    finally:
        printer.clear()
    if worker.failure is not None:
        raise worker.failure


class Watched(Protocol):
    """Something that becomes an answer while one looks on."""

    turn: Turn
    """Filled by `run`."""
    loading: Loading
    """What is told while there is nothing else to see."""

    @property
    def is_loaded(self) -> bool:
        """Whether the loading is over."""
        ...

    def run(self) -> None:
        """Until there is an answer; called in a thread."""
        ...


class Frames:
    """What to show at a moment: a named phase while nothing can be seen yet, then the canvases."""

    def __init__(self, watched: Watched, canvas: CanvasLines, pace: Pace) -> None:
        self._watched = watched
        self._turn = watched.turn
        self._canvas = canvas
        self._playback = Playback(self._turn.trace, pace.frames_per_second, pace.is_trailing)
        self._num_observed = 0
        self._prefill_began: float | None = None

    def are_over(self, now: float) -> bool:
        """Whether nothing more will be drawn, given that the engine is done."""
        return self._turn.cancelled.is_set() or self._playback.is_over(now, len(self._turn.committed))

    def at(self, now: float, width: int) -> list[Line]:
        """The lines to draw now."""
        drawn = self._playback.next_step(now, len(self._turn.committed))
        if drawn is not None:
            for index in range(self._num_observed, drawn + 1):
                self._canvas.observe(self._turn.trace[index], now)
            self._num_observed = drawn + 1
        if self._turn.is_remote:
            return self._arrived(width)
        if not self._num_observed:
            return [*self._plan(width), _dim(self._waiting(now), width)]
        return [*self._canvas.lines(width, now), _dim(self._status(), width)]

    def _arrived(self, width: int) -> list[Line]:
        """Of an answer that is denoised elsewhere, what has been committed."""
        text = visible("".join(canvas.text for canvas in self._turn.committed))
        rows = [row for line in text.splitlines() for row in chop_cells(line, width)]
        told = "the server does not stream its steps"
        canvases = f"{len(self._turn.committed)} parts · " if self._turn.committed else ""
        return [*(Line(row, cell_len(row)) for row in rows), _dim(canvases + told, width)]

    def _plan(self, width: int) -> list[Line]:
        """While the model loads, the memory it will take."""
        plan = "" if self._watched.is_loaded else self._watched.loading.plan
        return [_dim(line, width) for line in wrap(plan, width)]

    def _waiting(self, now: float) -> str:
        if not self._watched.is_loaded:
            return self._watched.loading.describe()
        if self._prefill_began is None:
            self._prefill_began = now
        return f"{self._turn.reading} · {now - self._prefill_began:.1f} s"

    def _status(self) -> str:
        step = self._turn.trace[self._num_observed - 1]
        canvases = self._turn.canvas.max_canvases if self._turn.canvas else step.canvas_index + 1
        return (
            f"canvas {step.canvas_index + 1}/{canvases} · step {step.step}/{step.max_steps}"
            f" · {self._canvas.settled_fraction:.0%} settled"
        )


def _dim(text: str, width: int) -> Line:
    shown = text[:width]
    return Line(f"\x1b[2m{shown}\x1b[0m", len(shown))
