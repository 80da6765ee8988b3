"""The JSON Schema of a line of a stream: what `dgchat schema` prints, and what every field means."""

from __future__ import annotations

from dgchat.engine.events import (
    ALTERNATIVES_PER_TOKEN,
    ENTROPY_CEILING,
    ENTROPY_FLOOR,
    MAX_SEED,
    FinishReason,
    StopReason,
)
from dgchat.stream import MINOR, VERSION

Schema = dict[str, object]

_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def _whole(description: str, least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least, "description": description}


def _number(description: str) -> Schema:
    return {"type": "number", "minimum": 0, "description": description}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _packed(description: str) -> Schema:
    return {"type": "string", "pattern": _BASE64, "description": description}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _event(
    name: str, description: str, fields: dict[str, Schema], optional: dict[str, Schema] | None = None
) -> Schema:
    own: dict[str, Schema] = {"v": {"const": VERSION}, "event": {"const": name}}
    return {
        "description": description,
        "type": "object",
        "properties": {**own, **fields, **(optional or {})},
        "required": [*own, *fields],
    }


_CANVAS_INDEX = _whole("0 for the first canvas of an answer")

_PREFILLING = _event(
    "prefilling",
    "A part of a long prompt is about to be read; short ones are read at once, and tell no such line.",
    {
        "done_tokens": _whole("tokens of the prompt that have been read, those in the cache included"),
        "prompt_tokens": _whole("tokens of the whole prompt", 1),
    },
)

_PREFILLED = _event(
    "prefilled",
    "The prompt has been read.",
    {
        "prompt_tokens": _whole("tokens of the whole prompt"),
        "cached_tokens": _whole("those of them that an earlier answer had left in the cache"),
        "dropped_turns": _whole("oldest turns left out because the prompt would have been too long"),
        "seconds": _number("wall time"),
    },
    {"prompt": _text("what was asked, if that is known")},
)

_CANVAS_STARTED = _event(
    "canvas_started",
    "A canvas of noise is about to be denoised.",
    {
        "canvas_index": _CANVAS_INDEX,
        "canvas_length": _whole("tokens on the canvas", 1),
        "max_canvases": _whole("canvases the answer may take at most", 1),
    },
)

_STEP = _event(
    "step",
    "One denoising step: the most likely canvas after it, as what has changed since the step before.",
    {
        "canvas_index": _CANVAS_INDEX,
        "step": _whole("counts up from 1", 1),
        "max_steps": _whole("the step the canvas ends at, if not before", 1),
        "temperature": _number("of this step"),
        "seconds": _number("wall time of this step"),
        "end": _or_null(_whole("position of the first end of turn, null if there is none")),
        "entropies": _packed(
            "one byte a position: level b stands for an entropy of "
            f"{ENTROPY_FLOOR:g} * ({ENTROPY_CEILING:g} / {ENTROPY_FLOOR:g}) ** (b / 255) nats"
        ),
        "accepted": _packed(
            "one bit a position, the lowest of a byte first: set where this step accepted the token"
        ),
        "changed": _packed(
            "one bit a position, likewise: set where the token is another than in the step before; "
            "all are set in the first step of a canvas"
        ),
        "ids": _packed("three bytes, the lowest first, for the token id of each changed position"),
        "pieces": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": "^[0-9]+$"},
            "description": "token id to text, of the ids that no earlier line of the stream has told",
        },
    },
    {
        "joined": {
            "type": "array",
            "items": {"type": "array"},
            "description": "where tokens that are parts of characters make whole ones together: "
            "begin, end (behind the last) and text of each such place",
        },
        "thought": _packed("one bit a position, likewise: set where the token belongs to the thought"),
        "alternatives": {
            "type": "object",
            "description": f"the {ALTERNATIVES_PER_TOKEN} likeliest tokens of each position, the likeliest "
            "first, if they are recorded",
            "properties": {
                "ids": _packed("three bytes, the lowest first, for the id of each"),
                "probabilities": _packed("two bytes, the lowest first, for each: 65535 stands for 1"),
            },
            "required": ["ids", "probabilities"],
        },
    },
)

_CANVAS_COMMITTED = _event(
    "canvas_committed",
    "A canvas is done and its text is part of the answer.",
    {
        "canvas_index": _CANVAS_INDEX,
        "text": _text("the canvas as text, up to the end of the turn; without the thought"),
        "steps_used": _whole("steps the canvas took"),
        "stop_reason": {"enum": [reason.value for reason in StopReason], "description": "why it ended"},
    },
)

_STATS: dict[str, Schema] = {
    "prompt_tokens": _whole("tokens of the whole prompt"),
    "cached_tokens": _whole("prompt tokens found in the cache"),
    "generated_tokens": _whole("tokens of the answer and its thought"),
    "canvases": _whole("canvases denoised"),
    "canvas_length": _whole("tokens on one canvas"),
    "denoising_steps": _whole("over all canvases"),
    "prefill_seconds": _number("reading the prompt and finished canvases"),
    "denoise_seconds": _number("all denoising steps"),
    "peak_memory_bytes": _or_null(_whole("of the accelerator; null on a CPU")),
    "tokens_per_second": _number("answer tokens by wall time"),
    "parallel_tokens_per_second": _number("canvas tokens times steps by time of denoising"),
    "tokens_per_forward": _number("answer tokens by denoising step"),
}

_FINISHED = _event(
    "finished",
    "The last line of an answer; but for v and event the object that --json prints.",
    {
        "text": _text("the answer"),
        "thought": _text("its thought, empty if there was none"),
        "finish_reason": {"enum": [reason.value for reason in FinishReason], "description": "why it ended"},
        "model": _text("name of the model"),
        "seed": {"type": "integer", "minimum": 0, "maximum": MAX_SEED, "description": "of the answer"},
        "settings": {"type": "object", "description": "what the answer was asked with"},
        "stats": {"type": "object", "properties": _STATS, "required": list(_STATS)},
    },
)

_ERROR = _event(
    "error",
    "The last line where there will be no answer.",
    {
        "message": _text("what happened"),
        "hint": _or_null(_text("what to do about it")),
        "exit_code": _whole("with which dgchat ended", 1),
    },
)

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": f"One line of dgchat --jsonl, version {VERSION}.{MINOR}",
    "description": "Readers skip fields they do not know and do without those that are not required; only "
    "such are added while v is the same. A change that would mislead a reader changes v.",
    "oneOf": [_PREFILLING, _PREFILLED, _CANVAS_STARTED, _STEP, _CANVAS_COMMITTED, _FINISHED, _ERROR],
}
