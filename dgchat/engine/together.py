"""Answers that are denoised together: who is done leaves, who waits enters, nobody waits for a neighbour."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice

from dgchat.engine.answer_run import AnswerRun
from dgchat.engine.canvas import Canvas
from dgchat.engine.denoise import denoise
from dgchat.engine.prefix_rows import PrefixRows
from dgchat.model.transformer import DiffusionGemma


class Together:
    """Up to `size` answers in one batch; a place that becomes free is taken between two steps.

    A canvas that is done is encoded before the next step, together with whatever else there is to encode.
    """

    def __init__(
        self,
        model: DiffusionGemma,
        rows: PrefixRows,
        size: int,
        waiting: Iterator[AnswerRun],
        on_end: Callable[[AnswerRun], None],
    ) -> None:
        self._model = model
        self._rows = rows
        self._size = size
        self._waiting = waiting
        self._on_end = on_end
        self._runs: list[AnswerRun] = []

    def run(self) -> None:
        """Answer all; `on_end` is told each as it ends."""
        canvases = self._next_canvases()
        for steps in denoise(self._model, self._rows, canvases):
            for run, step in zip(self._runs, steps, strict=True):
                run.take_step(step)
            canvases[:] = self._next_canvases()

    def _next_canvases(self) -> list[Canvas]:
        """The canvases of the next step, in the order of the rows."""
        self._exchange()
        while any(run.canvas is None for run in self._runs):  # again where a draft needs no step
            self._encode()
            for run in self._runs:
                if run.canvas is None:
                    run.begin_canvas(self._model)
            self._exchange()
        return [run.canvas for run in self._runs if run.canvas is not None]

    def _exchange(self) -> None:
        self._let_leave()
        while len(self._runs) < self._size and (entering := [*islice(self._waiting, 1)]):
            self._rows.add()
            self._runs += entering

    def _let_leave(self) -> None:
        for row in reversed(range(len(self._runs))):
            if self._runs[row].reason is not None:
                ended, self._runs[row] = self._runs[row], self._runs[-1]
                self._runs.pop()
                self._rows.remove(row)
                self._on_end(ended)

    def _encode(self) -> None:
        started = time.perf_counter()
        waiting = {row: run for row, run in enumerate(self._runs) if run.to_encode is not None}
        if waiting:
            self._rows.encode({row: run.to_encode or () for row, run in waiting.items()})
        for run in waiting.values():
            run.take_encoded(time.perf_counter() - started)
