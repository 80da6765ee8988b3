"""Sentences without a clear wish: pieces of two questions, or words at random.

They teach the model to say that it did not understand, where it would otherwise mix the answers it hesitates
between.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random

from dgchat.training.corpus.conversation import Turn
from dgchat.training.corpus.entries import load_entries

ANSWER_ID = "fallback-gibberish"
SPLICED_SHARE = 0.6
COMMON = 12
"""A word in the phrasings of at least this many entries says little about what is asked."""


def unclear_turn(rng: Random) -> Turn:
    """An unclear sentence and the answer that asks for a clearer one."""
    return Turn(_spliced(rng) if rng.random() < SPLICED_SHARE else _salad(rng), _answer())


def _spliced(rng: Random) -> str:
    """The beginning of one phrasing and the end of another; each loses at least one of its telling words."""
    while True:
        first, second = rng.choice(_asks()), rng.choice(_asks())
        start, end = first[: rng.randrange(1, len(first) + 1)], second[rng.randrange(len(second)) :]
        if _is_part(start, first) and _is_part(end, second) and not _telling(start) & _telling(second):
            return " ".join([*start, *end])


def _is_part(part: list[str], whole: list[str]) -> bool:
    return 0 < len(_telling(part)) < len(_telling(whole))


def _telling(words: list[str]) -> set[str]:
    return {word for word in words if word not in _common_words()}


def _salad(rng: Random) -> str:
    pool, common = _all_words(), _common_list()
    chosen = [rng.choice(pool) for _ in range(rng.randrange(2, 6))]
    chosen += [rng.choice(common) for _ in range(rng.randrange(0, 3))]
    rng.shuffle(chosen)
    return " ".join(chosen)


def _words(ask: str) -> list[str]:
    return ask.lower().rstrip(".?!").split()


@cache
def _answer() -> str:
    return next(entry.answer for entry in load_entries() if entry.id == ANSWER_ID)


@cache
def _asks() -> tuple[list[str], ...]:
    return tuple(_words(ask) for entry in load_entries() if entry.family != "fallback" for ask in entry.ask)


@cache
def _common_words() -> frozenset[str]:
    counts = Counter(
        word for entry in load_entries() for word in {word for ask in entry.ask for word in _words(ask)}
    )
    return frozenset(word for word, count in counts.items() if count >= COMMON)


@cache
def _common_list() -> tuple[str, ...]:
    return tuple(sorted(_common_words()))


@cache
def _all_words() -> tuple[str, ...]:
    return tuple(sorted({word for ask in _asks() for word in ask} - _common_words()))
