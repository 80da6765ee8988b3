"""Whether a text is made of the corpus' words, without stuttering and with an end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from random import Random

from dgchat.training.corpus.entries import load_entries
from dgchat.training.corpus.shelf import jokes, poems
from dgchat.training.corpus.skills import DAYS, MONTHS, SKILLS
from dgchat.training.corpus.slots import words
from dgchat.training.corpus.stories import Wish, story_turns, tell, templates

_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d+")
_ENDS = (".", "!", "?", '"', "'", "\u201d")
_SPOKEN_LISTS = (
    "names", "heroes", "friends", "friend_names", "moods", "looks", "topics",
    "colors", "pets", "foods", "letters", "sortable", "opposites", "plurals",
)  # fmt: skip
_SAMPLED_STORIES = 4000
_FRAME = (
    "nice to meet you i will remember it your name is favorite animal color food you have not told me yet"
)


def split_words(text: str) -> list[str]:
    """The words and numbers of `text`, in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def garbled(text: str, asked: str = "") -> str | None:
    """What is wrong with `text` as language, or None; words that the user `asked` with may be repeated."""
    said = split_words(text)
    if not said:
        return "no words"
    if text.strip() in _said_as_they_stand():
        return None
    allowed = vocabulary() | set(split_words(asked))
    strangers = [word for word in said if word not in allowed and not word.isdigit()]
    if strangers:
        return f"no word of the corpus: {strangers[0]}"
    stutter = _stutter(said, set(split_words(asked)))
    if stutter:
        return f"stutters: {stutter}"
    return None if text.rstrip().endswith(_ENDS) else "the last sentence is cut"


def _stutter(said: list[str], asked: set[str]) -> str | None:
    for words_again in (*_doubles(said), *_echoes(said)):
        if words_again not in _usual_doubles():
            return " ".join(words_again)
    seen: set[tuple[str, ...]] = set()
    for gram in _grams(_masked(said, asked)):
        if gram in seen and gram not in _usual_repeats():
            return " ".join(gram)
        seen.add(gram)
    return None


def _doubles(said: list[str]) -> list[tuple[str, ...]]:
    """Words said twice in a row; letters and numbers may be."""
    return [(a, b) for a, b in pairwise(said) if a == b and len(a) > 1 and not a.isdigit()]


def _echoes(said: list[str]) -> list[tuple[str, ...]]:
    """Pairs of words said twice in a row."""
    groups = zip(said, said[1:], said[2:], said[3:], strict=False)
    return [
        group
        for group in groups
        if group[:2] == group[2:] and group[0] != group[1] and len(group[0] + group[1]) > 2
    ]


def _grams(said: list[str]) -> list[tuple[str, ...]]:
    grams = zip(said, said[1:], said[2:], strict=False)
    return [gram for gram in grams if gram.count("*") < 2 and not any(word.isdigit() for word in gram)]


def _masked(said: list[str], asked: set[str]) -> list[str]:
    """Names, heroes and the user's rare words as one word: what a template repeats is then the same."""
    casts, common = _cast_words(), _common_words()
    return ["*" if word in casts or (word in asked and word not in common) else word for word in said]


@cache
def vocabulary() -> frozenset[str]:
    """Every word that the generator can say, in lower case."""
    said = {word for text in _spoken_texts() for word in split_words(text)}
    return frozenset(said | set("abcdefghijklmnopqrstuvwxyz"))


@cache
def _common_words() -> frozenset[str]:
    return frozenset(word for text in _fixed_texts() for word in split_words(text))


@cache
def _cast_words() -> frozenset[str]:
    lists = ("names", "heroes", "friends", "looks")
    return frozenset(word for name in lists for value in words(name) for word in split_words(value))


def _spoken_texts() -> Iterator[str]:
    yield from _fixed_texts()
    yield from _story_texts()
    yield from (value for name in _SPOKEN_LISTS for value in words(name))
    yield from (*DAYS, *MONTHS, _FRAME)
    yield from _sampled_exercises()


@cache
def _said_as_they_stand() -> frozenset[str]:
    """Code, for one, ends without a full stop."""
    return frozenset(_fixed_texts())


def _fixed_texts() -> Iterator[str]:
    """Texts said as they stand."""
    yield from (entry.answer for entry in load_entries())
    for shelf in (jokes(), poems()):
        yield from shelf.texts
        yield shelf.unknown_topic.replace("{}", "")


def _story_texts() -> Iterator[str]:
    for template in templates():
        yield re.sub(r"\{\w+\}", " ", template.text)
        yield from (choice for choices in template.choices.values() for choice in choices)


@cache
def _usual_doubles() -> frozenset[tuple[str, ...]]:
    """Words, and pairs of words, that the corpus itself says twice in a row."""
    texts = [split_words(text) for text in (*_fixed_texts(), *_sampled_stories())]
    return frozenset(group for said in texts for group in (*_doubles(said), *_echoes(said)))


@cache
def _usual_repeats() -> frozenset[tuple[str, ...]]:
    """Masked groups of three words that come back within one text of the corpus."""
    repeats: set[tuple[str, ...]] = set()
    asked = {word for topic in words("topics") for word in split_words(topic)}
    for text in (*_fixed_texts(), *_sampled_exercises(), *_sampled_stories()):
        grams = _grams(_masked(split_words(text), asked))
        repeats |= {gram for gram in grams if grams.count(gram) > 1}
    return frozenset(repeats)


@cache
def _sampled_exercises() -> tuple[str, ...]:
    """Enough answers to meet every word of the skills' closed lists."""
    rng = Random(0)
    return tuple({skill.exercise(rng).answer for skill in SKILLS for _ in range(500)})


@cache
def _sampled_stories() -> tuple[str, ...]:
    rng = Random(1)
    about_topics = (
        tell(Wish(topic=topic), plot, rng) for topic in words("topics") for plot in range(2) for _ in range(4)
    )
    return (*(story_turns(rng)[0].answer for _ in range(_SAMPLED_STORIES)), *about_topics)
