"""Answers of the scripted engine as lists of events, and made-up steps of a given shape."""

from __future__ import annotations

from array import array
from random import Random
from threading import Event as Flag

from dgchat.engine.events import CanvasStep, ChatMessage, Event, GenerationRequest, level_of_entropy
from dgchat.stream.answered import Answered
from dgchat.stream.lines import Encoder, StreamEvent
from scripted_engine import ScriptedEngine

VOCABULARY = 262_144


def recorded_answer(seed: int = 3, **script: object) -> tuple[list[Event], Answered]:
    """The events of one scripted answer, and how it ended."""
    engine = ScriptedEngine(**script)  # pyright: ignore[reportArgumentType]
    request = GenerationRequest((ChatMessage("user", "hello"),), max_new_tokens=96, seed=seed)
    events: list[Event] = []
    finished = engine.generate(request, events.append, Flag())
    return events, Answered.of(finished, request, engine.info())


def stream_of(events: list[Event], last: StreamEvent) -> list[str]:
    """The lines of a stream."""
    encoder = Encoder()
    return [encoder.encode(event) for event in (*events, last)]


def made_up_canvas(length: int = 256, steps: int = 48, seed: int = 1, index: int = 0) -> list[CanvasStep]:
    """A canvas like those of a large model: positions settle one after the other, over the first four fifths
    of the steps; one that has not changes its mind at every second step.
    """
    draw = Random(seed)
    settles_at = [0.8 * steps * draw.random() for _ in range(length)]
    final = [
        draw.randrange(VOCABULARY) if draw.random() < 0.5 else draw.randrange(500) for _ in range(length)
    ]
    ids = list(final)
    made: list[CanvasStep] = []
    for step in range(1, steps + 1):
        for position in range(length):
            if step >= settles_at[position]:
                ids[position] = final[position]
            elif draw.random() < 0.5:
                ids[position] = draw.randrange(VOCABULARY) if draw.random() < 0.2 else draw.randrange(500)
        levels = [
            level_of_entropy(draw.uniform(0, 4) if step < at else 10 ** draw.uniform(-6, -2))
            for at in settles_at
        ]
        made.append(
            CanvasStep(
                canvas_index=index,
                step=step,
                max_steps=steps,
                temperature=0.8 - 0.4 * step / steps,
                token_ids=array("i", ids),
                pieces=tuple(f" w{token_id:x}" for token_id in ids),
                entropy_levels=bytes(levels),
                accepted=bytes(draw.randrange(2) for _ in range(length)),
                seconds=0.0123456,
                end=None,
            )
        )
    return made
