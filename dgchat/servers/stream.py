"""The events of a streamed chat completion: what is new, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from dgchat.errors import ServerError

DONE = "[DONE]"
"""The last event of every stream."""

_THOUGHT_FIELDS = ("reasoning", "reasoning_content")
"""vLLM has called it by both names, SGLang and others by the second."""

_GAVE_UP = ("abort", "error")
"""Reasons to finish that are no end of an answer, of SGLang and vLLM."""

_MAX_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event adds to the answer."""

    text: str = ""
    thought: str = ""


class CompletionStream:
    """Takes in the data of one event after another; ServerError for what is no chat completion."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        """`stop`, `length` or another word of the server's; None while it goes on."""
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        """As the server counts them; None if it does not tell."""
        self.is_done = False
        """Whether the server has said that nothing more comes."""

    @property
    def is_whole(self) -> bool:
        """Whether the answer has reached its end."""
        return self.is_done or self.finish_reason is not None

    def take(self, data: str) -> Piece:
        """What is new in the data of an event, empty if it is all about other things."""
        if data.strip() == DONE:
            self.is_done = True
            return Piece()
        event = _parse(data)
        if error := event.get("error"):
            raise ServerError(f"the server gave up: {words_of(error)}")
        self._count(event.get("usage"))
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise ServerError(f"the server sent what is no chat completion: {data[:_MAX_QUOTED]}")
        return self._take_choice(choices[0]) if choices else Piece()

    def _take_choice(self, choice: Any) -> Piece:
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict):
            raise ServerError(f"the server sent a choice without a delta: {str(choice)[:_MAX_QUOTED]}")
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        if self.finish_reason in _GAVE_UP:
            raise ServerError(f"the server gave up: it ended its answer with {self.finish_reason}")
        thought = next((text for name in _THOUGHT_FIELDS if (text := _text(delta, name))), "")
        return Piece(_text(delta, "content"), thought)

    def _count(self, usage: object) -> None:
        if isinstance(usage, dict):
            counts = cast("dict[str, object]", usage)
            self.prompt_tokens = _whole(counts.get("prompt_tokens"), self.prompt_tokens)
            self.completion_tokens = _whole(counts.get("completion_tokens"), self.completion_tokens)


def words_of(error: object) -> str:
    """The server's own words for what is wrong, in one short line."""
    if isinstance(error, dict):
        table = cast("dict[str, object]", error)
        error = table.get("message") or table.get("detail") or table.get("error") or error
        if isinstance(error, dict):
            return words_of(cast("dict[str, object]", error))
    return " ".join(str(error).split())[:_MAX_QUOTED]


def _parse(data: str) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ServerError(f"the server sent what is no JSON: {data[:_MAX_QUOTED]}") from error
    if not isinstance(event, dict):
        raise ServerError(f"the server sent what is no chat completion: {data[:_MAX_QUOTED]}")
    return cast("dict[str, Any]", event)


def _text(delta: dict[str, Any], name: str) -> str:
    value = delta.get(name)
    if value is not None and not isinstance(value, str):
        raise ServerError(f"the server sent {name} that is no text: {str(value)[:_MAX_QUOTED]}")
    return value or ""


def _whole(value: object, before: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else before
