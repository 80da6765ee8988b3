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

    def canvas(self, canvas_index: int) -> list[CanvasStep]:
        """The steps of one canvas."""
        return [step for step in self._steps if step.canvas_index == canvas_index]
