"""A name for a conversation, from what was asked first; no model is troubled for it."""

from __future__ import annotations

import re

MAX_LENGTH = 48

_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey)\b[\s,.!]*(?:there\b[\s,.!]*)?)?"
    r"(?:please\s+|(?:can|could|would) you (?:please )?|i(?: would|'d) like (?:you )?to )?",
    re.IGNORECASE,
)
"""What people say before they say what they want."""


_CODE = re.compile(r"[(){}\[\]=<>_/\\]")
"""What only occurs where capitals matter."""


def title_of(prompt: str) -> str:
    """The first sentence of the prompt in one line, without its courtesies and cut at a word."""
    line = next(
        (line for line in map(str.strip, prompt.splitlines()) if line.strip("#`*-_ ")), prompt.strip()
    )
    words = " ".join(line.lstrip("#>*- ").split())
    words = _OPENING.sub("", words) or words
    sentence = re.split(r"(?<=[.!?])\s", words, maxsplit=1)[0].rstrip(".:;,")
    title = sentence if len(sentence) >= 4 else words.rstrip(".:;,") or words
    return _shortened(title if _CODE.search(title) else title[:1].upper() + title[1:])


def _shortened(title: str) -> str:
    if len(title) <= MAX_LENGTH:
        return title
    head = title[: MAX_LENGTH - 1]
    at_word = head.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > MAX_LENGTH // 2 else head).rstrip(" ,.;:-") + "…"
