"""A recording as lines of JSON, in ASCII: what was asked, then one step a line. What --jsonl writes is read
as well.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import isfinite
from typing import Any, cast

from dgchat.engine.events import (
    ALTERNATIVES_PER_TOKEN,
    Alternatives,
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    Event,
    Finished,
    FinishReason,
    GenerationStats,
    Prefilled,
    StopReason,
)
from dgchat.errors import StreamError, UsageError
from dgchat.replay.recording import Recording, settled_text
from dgchat.stream.answered import Answered
from dgchat.stream.lines import Decoder

FORMAT = "dgchat-replay"
VERSION = 1

RECORDING_BEGINS = f'{{"format": "{FORMAT}"'.encode()
"""The first bytes of a file that `as_jsonl` wrote."""

MAX_LINE_CHARACTERS = 8 * 2**20
MAX_CANVAS_LENGTH = 65_536


class ReplayFileError(UsageError):
    """A file that is no recording; the message names the line."""


def as_jsonl(recording: Recording) -> str:
    """The recording as text that `read_jsonl` reads."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "prompt": recording.prompt,
        "model": recording.model,
        "seed": recording.seed,
    }
    return "".join(json.dumps(line) + "\n" for line in (head, *map(_fields_of, recording.steps)))


def read_jsonl(lines: Iterable[str]) -> Recording:
    """The recording that the lines hold; ReplayFileError says which line is wrong, and how."""
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    number, first = next(numbered, (1, ""))
    head = _object(first, number)
    if "event" in head:
        return _read_stream(chain([(number, first)], numbered))
    if head.get("format") != FORMAT:
        raise ReplayFileError(
            "this is no recording of dgchat", hint="/export answer.jsonl and --jsonl write one"
        )
    if head.get("version") != VERSION:
        raise ReplayFileError(f"the recording has version {head.get('version')!r}, not {VERSION}")
    steps: list[CanvasStep] = []
    for number, line in numbered:
        step = _read_step(_object(line, number), number)
        _check_order(steps[-1] if steps else None, step, number)
        steps.append(step)
    if not steps:
        raise ReplayFileError("the recording has no steps")
    prompt, model, seed = (head.get(name) for name in ("prompt", "model", "seed"))
    return Recording(
        prompt if isinstance(prompt, str) else "",
        tuple(steps),
        model if isinstance(model, str) else "",
        seed if isinstance(seed, int) else None,
    )


def events_of(recording: Recording) -> Iterator[Event | Answered]:
    """The recording as a stream tells it, but for how long the prompt took and why a canvas ended."""
    yield Prefilled(0, 0, 0, 0.0)
    count = len(recording.canvases)
    for canvas in recording.canvases:
        index, length = canvas[0].canvas_index, len(canvas[0].token_ids)
        yield CanvasStarted(index, length, count)
        yield from canvas
        yield CanvasCommitted(index, settled_text(canvas), len(canvas), StopReason.NOT_TOLD)
    last = recording.canvases[-1][-1]
    reason = FinishReason.LENGTH if last.end is None else FinishReason.END_OF_TURN
    stats = GenerationStats(
        generated_tokens=sum(
            len(canvas[-1].token_ids) if canvas[-1].end is None else canvas[-1].end
            for canvas in recording.canvases
        ),
        canvases=count,
        canvas_length=len(last.token_ids),
        denoising_steps=len(recording.steps),
        denoise_seconds=sum(step.seconds for step in recording.steps),
    )
    finished = Finished(recording.text, "", reason, stats)
    yield Answered(finished, recording.model, recording.seed or 0, {})


def _read_stream(numbered: Iterable[tuple[int, str]]) -> Recording:
    """The steps of a stream, also of one that ends early; what was asked it does not tell."""
    decoder = Decoder()
    steps: list[CanvasStep] = []
    answered: Answered | None = None
    for number, line in numbered:
        try:
            event = decoder.decode(line)
        except StreamError as error:
            raise ReplayFileError(f"line {number}: {error.message}", hint=error.hint) from error
        if isinstance(event, CanvasStep):
            _check_order(steps[-1] if steps else None, event, number)
            steps.append(event)
        elif isinstance(event, Answered):
            answered = event
    if not steps:
        raise ReplayFileError("the stream has no steps")
    return Recording(
        "", tuple(steps), answered.model if answered else "", answered.seed if answered else None
    )


def _fields_of(step: CanvasStep) -> dict[str, object]:
    fields: dict[str, object] = {
        "canvas": step.canvas_index,
        "step": step.step,
        "max_steps": step.max_steps,
        "temperature": step.temperature,
        "seconds": step.seconds,
        "end": step.end,
        "ids": list(step.token_ids),
        "pieces": list(step.pieces),
        "entropy_levels": list(step.entropy_levels),
        "accepted": list(step.accepted),
    }
    if step.alternatives is not None:
        fields["alternatives"] = {
            "ids": list(step.alternatives.token_ids),
            "pieces": list(step.alternatives.pieces),
            "probabilities": [round(chance, 6) for chance in step.alternatives.probabilities],
        }
    return fields


def _object(line: str, number: int) -> Mapping[str, Any]:
    if len(line) > MAX_LINE_CHARACTERS:
        raise ReplayFileError(f"line {number} is too long for a step")
    try:
        fields: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReplayFileError(f"line {number} is no JSON") from error
    if not isinstance(fields, dict):
        raise ReplayFileError(f"line {number} is no JSON object")
    return cast("dict[str, Any]", fields)


def _read_step(fields: Mapping[str, Any], number: int) -> CanvasStep:
    try:
        step = CanvasStep(
            canvas_index=_whole(fields["canvas"], 0, 2**20),
            step=_whole(fields["step"], 1, 2**20),
            max_steps=_whole(fields["max_steps"], 1, 2**20),
            temperature=_real(fields["temperature"]),
            token_ids=_ids(fields["ids"]),
            pieces=_pieces(fields["pieces"]),
            entropy_levels=bytes(_whole(level, 0, 255) for level in _list(fields["entropy_levels"])),
            accepted=bytes(_whole(bit, 0, 1) for bit in _list(fields["accepted"])),
            seconds=_real(fields["seconds"]),
            end=None if fields["end"] is None else _whole(fields["end"], 0, MAX_CANVAS_LENGTH),
            alternatives=_read_alternatives(fields.get("alternatives")),
        )
    except KeyError as error:
        raise ReplayFileError(f"line {number} has no {error.args[0]!r}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise ReplayFileError(f"line {number} is no step: {error}") from error
    _check_lengths(step, number)
    return step


def _read_alternatives(fields: object) -> Alternatives | None:
    if fields is None:
        return None
    given = cast("dict[str, Any]", fields)
    chances = array("f", map(_real, _list(given["probabilities"])))
    return Alternatives(_ids(given["ids"]), _pieces(given["pieces"]), chances)


def _check_lengths(step: CanvasStep, number: int) -> None:
    length = len(step.token_ids)
    lengths = {length, len(step.pieces), len(step.entropy_levels), len(step.accepted)}
    if likely := step.alternatives:
        counts = {len(likely.token_ids), len(likely.pieces), len(likely.probabilities)}
        lengths |= {count / ALTERNATIVES_PER_TOKEN for count in counts}
    if lengths != {length} or not 0 < length <= MAX_CANVAS_LENGTH:
        raise ReplayFileError(f"line {number} is no step: its lists have different lengths, or none")
    if step.end is not None and step.end >= length:
        raise ReplayFileError(f"line {number} is no step: it ends behind its canvas")


def _check_order(before: CanvasStep | None, step: CanvasStep, number: int) -> None:
    is_next = step.canvas_index > before.canvas_index if before else True  # a refined canvas may begin later
    is_same = before is not None and (step.canvas_index, step.step, len(step.token_ids)) == (
        before.canvas_index,
        before.step + 1,
        len(before.token_ids),
    )
    if not is_next and not is_same:
        raise ReplayFileError(f"line {number} is not the step that follows the one before")


def _ids(value: object) -> array[int]:
    return array("i", (_whole(one, 0, 2**31 - 1) for one in _list(value)))


def _pieces(value: object) -> tuple[str, ...]:
    pieces = _list(value)
    if not all(isinstance(piece, str) for piece in pieces):
        raise ValueError("its pieces are no texts")
    return tuple(cast("list[str]", pieces))


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return cast("list[object]", value)


def _whole(value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"a whole number from {low} to {high} is missing")
    return value


def _real(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise ValueError("a number is missing")
    return float(value)
