"""Recordings in the format that was written before they were streams: what was asked, then one whole step a
line. They are only read.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, cast

from dgchat.engine.events import ALTERNATIVES_PER_TOKEN, Alternatives, CanvasStep
from dgchat.errors import UsageError
from dgchat.replay.recording import Recording
from dgchat.stream import MAX_CANVAS_LENGTH, MAX_LINE_BYTES
from dgchat.stream.steps import BYTES_PER_ID

FORMAT = "dgchat-replay"
VERSION = 1

BEGINNING = f'{{"format": "{FORMAT}"'
"""What such a file begins with."""


class ReplayFileError(UsageError):
    """A file that is no recording; the message names the line."""


def read_first_format(lines: Iterable[tuple[int, str]]) -> Recording:
    """The recording that the numbered lines hold; ReplayFileError says which line is wrong, and how."""
    numbered = iter(lines)
    number, first = next(numbered, (1, ""))
    head = _object(first, number)
    if head.get("format") != FORMAT:
        raise ReplayFileError(
            "this is no recording of dgchat", hint="/export answer.jsonl and --jsonl write one"
        )
    if head.get("version") != VERSION:
        raise ReplayFileError(f"the recording has version {head.get('version')!r}, not {VERSION}")
    steps = tuple(in_order((number, _read_step(_object(line, number), number)) for number, line in numbered))
    if not steps:
        raise ReplayFileError("the recording has no steps")
    prompt, model, seed = (head.get(name) for name in ("prompt", "model", "seed"))
    return Recording(
        prompt if isinstance(prompt, str) else "",
        steps,
        model if isinstance(model, str) else "",
        seed if isinstance(seed, int) else None,
    )


def in_order(steps: Iterable[tuple[int, CanvasStep]]) -> Iterator[CanvasStep]:
    """The steps of numbered lines; ReplayFileError at one that does not follow the one before."""
    before: CanvasStep | None = None
    for number, step in steps:
        _check_order(before, step, number)
        yield step
        before = step


def _object(line: str, number: int) -> Mapping[str, Any]:
    if len(line) > MAX_LINE_BYTES:
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
    return array("i", (_whole(one, 0, 2 ** (8 * BYTES_PER_ID) - 1) for one in _list(value)))


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
