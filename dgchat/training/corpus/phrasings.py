"""Further ways of asking for an entry: its phrasings inside other sentences."""

from __future__ import annotations

import re
from functools import cache
from random import Random

from dgchat.training.corpus.entries import Entry

_FRAMES = (
    "Can you tell me {}?",
    "can you tell me {}",
    "Could you tell me {}?",
    "Do you know {}?",
    "do you know {}",
    "Tell me {}.",
    "tell me {}",
    "Please tell me {}.",
    "I want to know {}.",
    "i want to know {}",
    "I would like to know {}.",
    "I wonder {}.",
    "Could you explain {}?",
    "Can you explain {}?",
    "explain {}",
    "Do you happen to know {}?",
    "I was wondering {}.",
    "Any idea {}?",
    "Can you say {}?",
    "I forgot {}.",
    "Help me understand {}.",
    "My friend asked me {}.",
)
_QUESTION_WRAPS = (
    "A question: {}",
    "Quick question: {}",
    "I have a question. {}",
    "Here is a question: {}",
    "My kid asks: {}",
    "Tell me, {}",
    "Do you know this: {}",
    "Hi! {}",
    "Hello, {}",
    "So, {}",
    "{} Do you know?",
    "{} I forgot.",
    "{} Tell me please.",
    "{} I want to know.",
    "{} Thanks!",
    "{} I am curious.",
)
_STATEMENT_WRAPS = (
    "Please {}",
    "Now {}",
    "Hi! {}",
    "Can you {}",
    "Could you {}",
    "I would like you to {}",
    "Ok, {}",
)

_INVERTED = re.compile(r"(?i)^(what|who|where|how \w+) (is|are|was|were) ((?!(?:it|there)\b)[^,.?]+)\??$")
_CONTRACTED = re.compile(r"(?i)^(what|who|where)'s ([^,.?]+)\??$")
_WITH_DO = re.compile(r"(?i)^(why|how|what|where|when|how \w+) do ((?!you\b)[^,.?]+)\??$")
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|should|will|has|have)\b"
_DIRECT = re.compile(rf"(?i)^(who|what|which \w+) (?!{_AUXILIARY})(\w+ [^,.?]+)\??$")
_QUESTION_WORDS = (
    "what",
    "who",
    "where",
    "why",
    "how",
    "which",
    "when",
    "is",
    "are",
    "do",
    "does",
    "did",
    "can",
    "was",
)


@cache
def embedded(phrasing: str) -> str | None:
    """The question as a clause ("What is a noun?" -> "what a noun is"); None if its grammar is not simple."""
    if found := _INVERTED.match(phrasing):
        question, verb, rest = found.groups()
        if len(rest.split()) <= 7 and not _ends_loose(rest):
            return f"{question.lower()} {rest} {verb}"
    elif found := _CONTRACTED.match(phrasing):
        if not _ends_loose(found[2]):
            return f"{found[1].lower()} {found[2]} is"
    elif (found := _WITH_DO.match(phrasing)) or (found := _DIRECT.match(phrasing)):
        return f"{found[1].lower()} {found[2]}"
    return None


def _ends_loose(rest: str) -> bool:
    return rest.split()[-1] in {
        "of",
        "for",
        "from",
        "made",
        "called",
        "in",
        "like",
        "about",
        "to",
        "used",
        "with",
    }


def rephrased(entry: Entry, rng: Random) -> str:
    """One of the entry's trained phrasings inside a frame, as an indirect question where that is possible."""
    phrasing = rng.choice(entry.ask)
    clause = embedded(phrasing)
    if clause is not None and rng.random() < 0.7:
        return rng.choice(_FRAMES).format(clause)
    first = phrasing.split()[0].lower()
    if first in _QUESTION_WORDS:
        question = phrasing if phrasing[-1] == "?" else phrasing + "?"
        return rng.choice(_QUESTION_WRAPS).format(question)
    if len(phrasing.split()) > 2 and first in {
        "tell",
        "explain",
        "name",
        "describe",
        "define",
        "give",
        "say",
        "list",
    }:
        return rng.choice(_STATEMENT_WRAPS).format(first + phrasing[len(first) :])
    return phrasing
