"""What a stored conversation looks like before it is opened."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from dgchat.safe_text import visible
from dgchat.session.conversation import Conversation
from dgchat.session.store.records import Summary
from dgchat.session.turn import Turn

MAX_TURNS = 8
"""Of a long conversation the end is shown, or what was searched for."""

_MAX_LETTERS = 600


def describe_conversation(summary: Summary, conversation: Conversation, wanted: str) -> Content:
    """Its facts in a line, then its last turns, or those that hold what is wanted, which is underlined."""
    turns = f"{summary.turns} turn{'' if summary.turns == 1 else 's'}"
    day = f"{datetime.fromtimestamp(summary.created):%Y-%m-%d %H:%M}"
    facts = " · ".join(part for part in (summary.id, turns, summary.model, day) if part)
    lines = [Content.styled(visible(facts, newlines=False), "$muted"), Content("")]
    for turn in _worth_showing(conversation, wanted):
        lines += [
            Content.styled("you", "$you"),
            _marked(turn.prompt, wanted),
            Content.styled("dgchat", "$accent"),
            _marked(turn.text, wanted),
            Content(""),
        ]
    return Content("\n").join(lines)


def describe_empty(wanted: str) -> Content:
    """Why there is nothing to look at."""
    told = (
        "nothing holds these words" if wanted.strip() else "nothing is stored yet: ask something, and it is"
    )
    return Content.styled(told, "$muted")


def _worth_showing(conversation: Conversation, wanted: str) -> list[Turn]:
    turns = conversation.branch or conversation.turns
    words = wanted.lower().split()
    if words:
        holding = [
            turn
            for turn in conversation.turns
            if all(word in f"{turn.prompt}\n{turn.text}".lower() for word in words)
        ]
        return holding[-MAX_TURNS:] or turns[-MAX_TURNS:]
    return turns[-MAX_TURNS:]


def _marked(text: str, wanted: str) -> Content:
    """As much of the text as is worth a look, from where the first wanted word stands."""
    text = text.strip()
    words = wanted.split()
    starts = [text.lower().find(word.lower()) for word in words]
    first = min((start for start in starts if start >= 0), default=0)
    begin = max(0, first - _MAX_LETTERS // 2) if first > _MAX_LETTERS // 2 else 0
    shown = ("…" if begin else "") + text[begin : begin + _MAX_LETTERS]
    shown = visible(shown + ("…" if begin + _MAX_LETTERS < len(text) else ""))
    content = Content(shown)
    for word in words:
        at = shown.lower().find(word.lower())
        while word and at >= 0:
            content = content.stylize("bold underline", at, at + len(word))
            at = shown.lower().find(word.lower(), at + len(word))
    return content
