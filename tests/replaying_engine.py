"""An engine that plays recorded canvases at a pace of its own, however slow the screen is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Event as Flag

from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    EngineInfo,
    EventListener,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
    Prefilled,
    SamplerConfig,
    StopReason,
)


@dataclass
class ReplayingEngine:
    """Implements `events.Engine`: every request is answered with the same canvases."""

    canvases: Sequence[Sequence[CanvasStep]]
    step_seconds: float
    """Time from one step to the next, kept on average."""
    stopped_after: list[float] = field(default_factory=list)
    """`time.monotonic()` of every cancel, when it was seen."""

    def info(self) -> EngineInfo:
        """As large as the canvases it plays."""
        length = len(self.canvases[0][0].token_ids)
        return EngineInfo(
            model="replay",
            device="cpu",
            dtype="none",
            parameters=0,
            canvas_length=length,
            context_length=4096,
            sampler=SamplerConfig(),
            max_new_tokens=length * len(self.canvases),
            can_think=False,
            ops_reason="a test",
        )

    def generate(self, request: GenerationRequest, on_event: EventListener, cancelled: Flag) -> Finished:
        """Send every step when it is due."""
        on_event(Prefilled(20, 0, 0, 0.0))
        due = time.monotonic()
        shown: list[str] = []
        num_steps = 0
        for index, steps in enumerate(self.canvases):
            on_event(CanvasStarted(index, len(steps[0].token_ids), len(self.canvases)))
            for step in steps:
                due += self.step_seconds
                if cancelled.wait(max(0.0, due - time.monotonic())):
                    self.stopped_after.append(time.monotonic())
                    draft = "".join(steps[step.step - 2].pieces) if step.step > 1 else ""
                    on_event(CanvasCommitted(index, draft, step.step - 1, StopReason.CANCELLED))
                    text = "".join([*shown, draft])
                    return self._finished(text, FinishReason.CANCELLED, num_steps, index + 1)
                num_steps += 1
                on_event(replace(step, seconds=self.step_seconds))
            text = "".join(steps[-1].pieces)
            shown.append(text)
            on_event(CanvasCommitted(index, text, len(steps), StopReason.MAX_STEPS))
        return self._finished("".join(shown), FinishReason.LENGTH, num_steps, len(self.canvases))

    def _finished(self, text: str, reason: FinishReason, num_steps: int, canvases: int) -> Finished:
        length = len(self.canvases[0][0].token_ids)
        stats = GenerationStats(
            prompt_tokens=20,
            generated_tokens=length * canvases,
            canvases=canvases,
            canvas_length=length,
            denoising_steps=num_steps,
            denoise_seconds=num_steps * self.step_seconds,
        )
        return Finished(text, "", reason, stats)
