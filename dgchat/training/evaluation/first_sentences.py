"""What strangers type first, and what kind of answer the model gave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from dgchat.training.corpus.entries import load_entries
from dgchat.training.corpus.memory import MEMORIES
from dgchat.training.corpus.shelf import jokes, poems
from dgchat.training.evaluation.checkers import CHECKERS
from dgchat.training.evaluation.garble import garbled


class Kind(StrEnum):
    """How an answer to an unknown first sentence is judged; a person says whether a listed one fits."""

    LISTED = "listed answer"
    CHECKED = "checked answer"
    FALLBACK = "honest fallback"
    GARBLED = "garbled"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A first sentence, its answer, and what the answer was recognised as."""

    sentence: str
    answer: str
    kind: Kind
    what: str
    """The entry's id, the checker's name, or what is wrong."""


def judged(sentence: str, answer: str) -> Outcome:
    """The outcome of one first sentence."""
    kind, what = _judgement(sentence, answer.strip())
    return Outcome(sentence, answer, kind, what)


def _judgement(sentence: str, answer: str) -> tuple[Kind, str]:
    if found := _listed().get(answer):
        return found
    for name, accepts in CHECKERS.items():
        if accepts(sentence, answer):
            return Kind.CHECKED, name
    if wrong := garbled(answer, sentence):
        return Kind.GARBLED, wrong
    return Kind.OTHER, "a new mixture of known words"


@cache
def _listed() -> dict[str, tuple[Kind, str]]:
    listed = {}
    for shelf in (jokes(), poems()):
        listed |= {text: (Kind.LISTED, f"{shelf.name} {at + 1}") for at, text in enumerate(shelf.texts)}
    for memory in MEMORIES:
        listed[memory.unknown] = (Kind.LISTED, f"no {memory.name} told")
    for entry in load_entries():
        listed[entry.answer] = (Kind.FALLBACK if entry.family == "fallback" else Kind.LISTED, entry.id)
    return listed
