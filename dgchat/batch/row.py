"""One row of the input: what is asked, and what else stands there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from dgchat.api import chat_messages
from dgchat.engine.events import MAX_SEED, ChatMessage
from dgchat.errors import DgchatError, UsageError
from dgchat.one_shot.prompt import check_prompt, check_written

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a row asks for."""

    messages: tuple[ChatMessage, ...]
    """The conversation, without the system text of the settings."""
    seed: int | None
    """The row's own seed, if it has one."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    number: int
    """Counted from 0, blank lines left out."""
    line: int
    """Line of the input it begins at, counted from 1."""
    digest: str
    """Of its bytes: what tells a changed row from the same one."""
    fields: Fields | None
    """All fields as they were given; None if the row could not be read."""
    asked: Asked | DgchatError
    """What it asks, or why that cannot be asked."""


def read_row(
    number: int, line: int, digest: str, fields: Fields | DgchatError, column: str | None = None
) -> BatchRow:
    """The row that these fields make, or one with an error; the prompt is in `column` if it is a CSV's."""
    if isinstance(fields, DgchatError):
        return BatchRow(number, line, digest, None, fields)
    try:
        messages = _messages(fields) if column is None else _as_messages(fields[column])
        asked = Asked(messages, _seed(fields))
    except DgchatError as error:
        return BatchRow(number, line, digest, fields, error)
    return BatchRow(number, line, digest, fields, asked)


def parse_object(text: str) -> Fields | DgchatError:
    """The fields of a line of JSON, or what is wrong with it."""
    try:
        value: object = json.loads(text)
        json.dumps(value, allow_nan=False)  # what cannot be written is not read
    except (ValueError, RecursionError) as error:
        return UsageError(f"not JSON: {error}")
    if not isinstance(value, dict):
        return UsageError(f"a JSON {type(value).__name__}, not an object", hint='give {"prompt": "..."}')
    return cast("Fields", value)


def _messages(fields: Fields) -> tuple[ChatMessage, ...]:
    prompt, messages = fields.get("prompt"), fields.get("messages")
    if (prompt is None) == (messages is None):
        given = "neither prompt nor messages" if prompt is None else "both prompt and messages"
        raise UsageError(f"the row has {given}", hint="give one of them")
    if messages is not None:
        if not isinstance(messages, list):
            raise UsageError(f"messages is a {type(messages).__name__}, not a list")
        return chat_messages(cast("list[object]", messages))
    return _as_messages(prompt)


def _as_messages(prompt: object) -> tuple[ChatMessage, ...]:
    if not isinstance(prompt, str):
        raise UsageError(f"prompt is a {type(prompt).__name__}, not a text")
    return (ChatMessage("user", check_prompt(check_written(prompt))),)


def _seed(fields: Fields) -> int | None:
    seed = fields.get("seed")
    if seed is None or seed == "":
        return None
    if isinstance(seed, str) and seed.isascii() and seed.isdigit() and len(seed) <= len(str(MAX_SEED)):
        seed = int(seed)  # as a CSV has it
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed is {seed!r}, not a whole number from 0 to {MAX_SEED}")
    return seed
