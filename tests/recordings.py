"""Recordings for tests: made by hand, by the scripted engine, and by somebody who means harm."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from threading import Event as Flag

from dgchat.engine.events import (
    CanvasStep,
    ChatMessage,
    Event,
    GenerationRequest,
    SamplerConfig,
    level_of_entropy,
)
from dgchat.replay.recording import Recording
from scripted_engine import ScriptedEngine

HOSTILE_PIECES = (
    "</script><script>alert(1)</script>",
    "]]></style></text></svg>",
    "\x1b]52;c;aGk=\x07\x1b[2J",
    "\u202etxet\u2066",
    '"><img src=x onerror=alert(1)>',
    "<!--",
    "\u2028\ud800\x9b31m",
    "&#27;{{script}}",
)


def canvas_of(*rows: Sequence[str], canvas_index: int = 0, end: int | None = None) -> tuple[CanvasStep, ...]:
    """A canvas with one step for each row of pieces; the entropy falls from step to step."""
    return tuple(
        CanvasStep(
            canvas_index=canvas_index,
            step=number,
            max_steps=48,
            temperature=0.8,
            token_ids=array("i", (sum(map(ord, piece)) for piece in pieces)),
            pieces=tuple(pieces),
            entropy_levels=bytes([level_of_entropy(2.0 / 10**number)] * len(pieces)),
            accepted=bytes(len(pieces)),
            seconds=0.03,
            end=end,
        )
        for number, pieces in enumerate(rows, start=1)
    )


def scripted_recording(
    answer: str, *, steps: int = 6, canvas_length: int = 32, alternatives: bool = False
) -> Recording:
    """What the scripted engine's answer leaves behind."""
    kept: list[CanvasStep] = []

    def keep(event: Event) -> None:
        if isinstance(event, CanvasStep):
            kept.append(event)

    request = GenerationRequest(
        (ChatMessage("user", "hello"),),
        256,
        SamplerConfig(max_denoising_steps=steps),
        seed=3,
        record_alternatives=alternatives,
    )
    ScriptedEngine(answer=answer, steps=steps, canvas_length=canvas_length).generate(request, keep, Flag())
    return Recording("hello", tuple(kept), "scripted", 3)


def hostile_recording() -> Recording:
    """Every piece and the prompt want to break out of the file they are written to."""
    settled = canvas_of(HOSTILE_PIECES, HOSTILE_PIECES, HOSTILE_PIECES)
    return Recording("".join(HOSTILE_PIECES), settled, "</title>\x1b[0m", 1)
