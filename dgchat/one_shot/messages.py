"""A conversation out of a file: `--messages`, the list of role and content that every chat server takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

from dgchat.engine.events import ChatMessage
from dgchat.errors import UsageError
from dgchat.one_shot.prompt import FROM_STDIN, check_text, read_stdin, read_text

_TURNS = ("user", "assistant")


def read_messages(name: str, stdin: TextIO | None) -> tuple[ChatMessage, ...]:
    """The messages of a file (`-`: standard input): a list, or an object with one under `messages`.

    They begin with a system message or none, alternate between user and assistant, and end with the user's;
    UsageError says which message is not so.
    """
    text = read_stdin(stdin) if name == FROM_STDIN else read_text(Path(name).expanduser())
    try:
        raw: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--messages {name} is not JSON: {error}") from error
    if isinstance(raw, dict):
        raw = cast("dict[str, object]", raw).get("messages")
    if not isinstance(raw, list) or not raw:
        raise UsageError(
            f"--messages {name} holds no list of messages",
            hint='it looks like [{"role": "user", "content": "hello"}]',
        )
    return _in_turn(tuple(_read_each(cast("list[object]", raw))))


def _read_each(raw: list[object]) -> Iterator[ChatMessage]:
    for number, one in enumerate(raw, start=1):
        fields = cast("dict[str, object]", one) if isinstance(one, dict) else {}
        role, content = fields.get("role"), fields.get("content")
        if not isinstance(role, str) or not isinstance(content, str):
            raise UsageError(f"message {number} has no role and content that are text")
        if role not in ("system", *_TURNS):
            raise UsageError(
                f"the role of message {number} is {role!r}", hint="roles are system, user and assistant"
            )
        check_text(content, f"message {number}")
        yield ChatMessage(role, content)


def _in_turn(messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    first = 1 if messages[0].role == "system" else 0
    for number, message in enumerate(messages[first:]):
        wanted = _TURNS[number % 2]
        if message.role != wanted:
            raise UsageError(
                f"message {first + number + 1} is the {message.role}'s, and it is the {wanted}'s turn"
            )
    if messages[-1].role != "user":
        raise UsageError(f"the last message is the {messages[-1].role}'s, not the user's")
    if not messages[-1].text.strip():
        raise UsageError("the last message is empty")
    return messages
