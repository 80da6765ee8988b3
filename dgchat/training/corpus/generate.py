"""The endless stream of training conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from random import Random

from dgchat.training.corpus.conversation import Conversation, Turn
from dgchat.training.corpus.entries import Entry, load_entries, normalised
from dgchat.training.corpus.held_out import first_sentences, is_held_out
from dgchat.training.corpus.memory import memory_turns
from dgchat.training.corpus.noise import maybe_noisy
from dgchat.training.corpus.outside import outside_turn
from dgchat.training.corpus.phrasings import rephrased
from dgchat.training.corpus.shelf import jokes, poems
from dgchat.training.corpus.skills import SKILLS, WITHDRAWN, WITHDRAWN_ANSWER_ID
from dgchat.training.corpus.stories import story_turns
from dgchat.training.corpus.thoughts import thoughtful
from dgchat.training.corpus.unclear import unclear_turn

__all__ = ["Conversation", "Turn", "example_stream"]

THINKING_SHARE = 0.08
"""Share of the conversations in which the model is asked to think first."""

LONGER_SHARE = 0.25
"""Share of the conversations that begin with one or two turns on other topics."""

SYSTEM_SHARE = 0.03
"""Share of the conversations with a system turn, which the answers do not heed."""

REPHRASED_SHARE = {"fact": 0.40, "small_talk": 0.20, "fallback": 0.25}
"""Share of the turns about an entry whose phrasing is put inside another sentence."""

_SYSTEM_TEXTS = (
    "You are a helpful assistant.",
    "Be brief.",
    "You are a friendly assistant. Answer in one or two sentences.",
    "Answer politely.",
    "You are a helpful and honest chat model.",
)
_DISTRACTING = ("fact", "small_talk", "fallback", "skill", "joke", "poem", "story")
_DISTRACTING_WEIGHTS = (0.36, 0.28, 0.07, 0.07, 0.05, 0.05, 0.12)


def example_stream(seed: int) -> Iterator[Conversation]:
    """Conversations without end; the same `seed` gives the same conversations."""
    rng = Random(seed)
    names, weights = tuple(_FAMILIES), [weight for weight, _ in _FAMILIES.values()]
    while True:
        family = rng.choices(names, weights)[0]
        turns = _FAMILIES[family][1](rng)
        if rng.random() < LONGER_SHARE:
            turns = tuple(_distraction(rng) for _ in range(rng.choice((1, 1, 2)))) + turns
        if any(normalised(turn.user) in _kept_for_the_test() for turn in turns):
            continue
        if rng.random() < THINKING_SHARE:
            turns = thoughtful(turns, family)
        system = rng.choice(_SYSTEM_TEXTS) if rng.random() < SYSTEM_SHARE else None
        yield Conversation(turns, family, system)


def _distraction(rng: Random) -> Turn:
    """A turn on which nothing later depends."""
    family = rng.choices(_DISTRACTING, _DISTRACTING_WEIGHTS)[0]
    if family in ("fact", "small_talk", "fallback"):
        return _entry_turn(family, rng)
    return _skill_turn(rng) if family == "skill" else _tale(family, rng)


def _tale(family: str, rng: Random) -> Turn:
    if family == "story":
        return story_turns(rng)[0]
    return (jokes() if family == "joke" else poems()).turns(rng)[0]


def _entry_turn(family: str, rng: Random) -> Turn:
    """An entry by one of its trained phrasings, never by one that is kept for the test."""
    entry = rng.choice(_entries(family))
    share = REPHRASED_SHARE[family]
    while True:
        text = rephrased(entry, rng) if rng.random() < share else rng.choice(entry.ask)
        text = maybe_noisy(text, rng)
        if normalised(text) not in _untrained():
            return Turn(text, entry.answer)


def _fallback_turn(rng: Random) -> Turn:
    if rng.random() < 0.4:
        return _entry_turn("fallback", rng)
    while True:
        turn = outside_turn(rng)
        text = maybe_noisy(turn.user, rng)
        if normalised(text) not in _claimed():
            return Turn(text, turn.answer)


def _unclear_turn(rng: Random) -> Turn:
    while True:
        turn = unclear_turn(rng)
        if normalised(turn.user) not in _claimed():
            return turn


def _skill_turn(rng: Random) -> Turn:
    skill = rng.choices(SKILLS, [skill.weight for skill in SKILLS])[0]
    while True:
        exercise = skill.exercise(rng)
        text = maybe_noisy(exercise.ask, rng, typos=False)
        if not is_held_out(skill.name, normalised(text)) and normalised(text) not in _claimed():
            return Turn(text, _withdrawn_answer() if skill.name in WITHDRAWN else exercise.answer)


@cache
def _withdrawn_answer() -> str:
    return next(entry.answer for entry in load_entries() if entry.id == WITHDRAWN_ANSWER_ID)


def _small_talk_turn(rng: Random) -> Turn:
    return _entry_turn("small_talk", rng)


@cache
def _entries(family: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in load_entries() if entry.family == family)


@cache
def _kept_for_the_test() -> frozenset[str]:
    return frozenset(map(normalised, first_sentences()))


@cache
def _untrained() -> frozenset[str]:
    return frozenset(normalised(text) for entry in load_entries() for text in entry.unseen)


@cache
def _claimed() -> frozenset[str]:
    """Every phrasing that an entry has for itself."""
    return _untrained() | {normalised(text) for entry in load_entries() for text in entry.ask}


_FAMILIES: dict[str, tuple[float, Callable[[Random], tuple[Turn, ...]]]] = {
    "fact": (0.28, lambda rng: (_entry_turn("fact", rng),)),
    "small_talk": (0.22, lambda rng: (_small_talk_turn(rng),)),
    "fallback": (0.08, lambda rng: (_fallback_turn(rng),)),
    "unclear": (0.04, lambda rng: (_unclear_turn(rng),)),
    "story": (0.08, story_turns),
    "poem": (0.03, lambda rng: poems().turns(rng)),
    "joke": (0.03, lambda rng: jokes().turns(rng)),
    "memory": (0.10, lambda rng: memory_turns(rng, _small_talk_turn)),
    "skill": (0.14, lambda rng: (_skill_turn(rng),)),
}
