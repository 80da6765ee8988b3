"""A scripted engine that goes on by one step whenever a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Semaphore

from dgchat.engine.events import (
    CancelSignal,
    CanvasStarted,
    CanvasStep,
    EngineInfo,
    Event,
    EventListener,
    Finished,
    GenerationRequest,
)
from scripted_engine import ScriptedEngine


@dataclass
class StepwiseEngine:
    """Implements `events.Engine`: every step comes after a `go`, and so does the end."""

    script: ScriptedEngine
    step_seconds: float = 0.031
    """How long a step is said to have taken."""
    _permits: Semaphore = field(default_factory=lambda: Semaphore(0))

    def info(self) -> EngineInfo:
        return self.script.info()

    def go(self) -> None:
        """Let the next step come, or after the last one the end."""
        self._permits.release()

    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        """Denoise as scripted; a cancel ends the wait for the next step."""

        def hold(event: Event) -> None:
            is_step = isinstance(event, CanvasStep)
            on_event(replace(event, seconds=self.step_seconds) if is_step else event)
            is_first = isinstance(event, CanvasStarted) and event.canvas_index == 0
            while (is_step or is_first) and not self._permits.acquire(timeout=0.01):
                if cancelled.is_set():
                    return

        finished = self.script.generate(request, hold, cancelled)
        seconds = finished.stats.denoising_steps * self.step_seconds
        return replace(finished, stats=replace(finished.stats, denoise_seconds=seconds))
