"""Ids that a person can type: `k7f3q` is a conversation, `k7f3q.2` its second turn."""

from __future__ import annotations

import re
import secrets

from dgchat.errors import UsageError

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Nothing that looks like something else."""

_LENGTH = 5

_TURN_ID = re.compile(rf"([{_LETTERS}]{{{_LENGTH}}})(?:\.([1-9][0-9]{{0,8}}))?")


def fresh_id() -> str:
    """A random id of a conversation."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def turn_id(conversation_id: str, number: int) -> str:
    """The id of a conversation's turn; turns are numbered from 1 in the order in which they were asked."""
    return f"{conversation_id}.{number}"


def parse_id(text: str) -> tuple[str, int | None]:
    """Conversation and number of the turn, None if only the conversation is named; UsageError for no id."""
    match = _TURN_ID.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"{text!r} is no id.", hint="dgchat sessions list shows them; a turn is ID.NUMBER")
    return match[1], int(match[2]) if match[2] else None


def is_id(text: str) -> bool:
    """Whether this is how a conversation or a turn is named."""
    return _TURN_ID.fullmatch(text.strip().lower()) is not None
