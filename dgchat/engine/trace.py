"""The record of every denoising step of one answer: what a live view draws from and a replay plays."""

from __future__ import annotations

from collections.abc import Iterator

from dgchat.engine.events import CanvasStep, Event


class Trace:
    """Steps in the order they happened.

    The engine's thread appends and a screen reads: appending to a list is atomic, so a reader that looks at
    `len(trace)` first always finds whole steps, and nobody ever waits.
    """

    def __init__(self) -> None:
        self._steps: list[CanvasStep] = []

    def record(self, event: Event) -> None:
        """Keep the event if it is a denoising step; an `EventListener`."""
        if isinstance(event, CanvasStep):
            self._steps.append(event)

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> CanvasStep:
        return self._steps[index]

    def __iter__(self) -> Iterator[CanvasStep]:
        return iter(self._steps)

    def final_canvases(
        self, num_canvases: int, before: tuple[tuple[int, ...], ...] = ()
    ) -> tuple[tuple[int, ...], ...]:
        """Token ids of an answer's canvases as they ended; one that took no step is as it was `before`."""
        ends = {step.canvas_index: tuple(step.token_ids) for step in self._steps}
        return tuple(
            ends[index] if index in ends else before[index]
            for index in range(num_canvases)
            if index in ends or index < len(before)
        )

    def canvas(self, canvas_index: int) -> list[CanvasStep]:
        """The steps of one canvas."""
        return [step for step in self._steps if step.canvas_index == canvas_index]
