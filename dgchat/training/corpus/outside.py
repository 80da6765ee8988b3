"""Questions the model cannot answer, in great number, each with the honest answer that fits it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

from dgchat.training.corpus.conversation import Turn
from dgchat.training.corpus.entries import CORPUS_FOLDER, load_entries, normalised
from dgchat.training.corpus.held_out import is_held_out
from dgchat.training.corpus.slots import pairs, words

_UNKNOWN = ("countries", "things", "people", "creatures", "relations", "works", "events", "odd_words")
"""Lists of which only the values that no entry asks about are used."""

_KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SLOT = re.compile(r"\{(\w+)\}(s\b)?")


@dataclass(frozen=True, slots=True)
class Group:
    """Ways of asking that share one fallback."""

    answer: str
    weight: float
    asks: tuple[str, ...]


@cache
def groups() -> tuple[Group, ...]:
    """Every group of templates, its answer looked up among the fallbacks."""
    answers = {entry.id: entry.answer for entry in load_entries() if entry.family == "fallback"}
    tables = tomllib.loads((CORPUS_FOLDER / "templates" / "outside.toml").read_text(encoding="utf-8"))[
        "group"
    ]
    return tuple(Group(answers[table["answer"]], table["weight"], tuple(table["ask"])) for table in tables)


@cache
def _weights() -> list[float]:
    return [group.weight for group in groups()]


def outside_turn(rng: Random, *, held_out: bool = False) -> Turn:
    """A question beyond the corpus and its fallback; held out: about something never named in training."""
    group = rng.choices(groups(), _weights())[0]
    ask = rng.choice(group.asks)
    if held_out and not any(f"{{{name}}}" in ask for name in _UNKNOWN):
        return outside_turn(rng, held_out=True)
    return Turn(_SLOT.sub(lambda slot: _filled(slot, rng, held_out), ask), group.answer)


def _filled(slot: re.Match[str], rng: Random, held_out: bool) -> str:
    value = _value(slot[1], rng, held_out)
    if not slot[2]:
        return value
    return f"{value}es" if value.endswith(("s", "x", "ch", "sh")) else f"{value}s"


def _value(slot: str, rng: Random, held_out: bool) -> str:
    if generator := _GENERATORS.get(slot):
        return generator(rng)
    if slot not in _UNKNOWN:
        return rng.choice(words(slot))
    while is_held_out("outside", value := rng.choice(unknown(slot))) != held_out:
        pass
    return value


@cache
def unknown(name: str) -> tuple[str, ...]:
    """The values of a list that no entry and no word skill asks about, in the singular or in the plural."""
    known = _known_text()
    return tuple(value for value in words(name) if not any(f" {form} " in known for form in _forms(value)))


def _forms(value: str) -> tuple[str, ...]:
    key = normalised(value).removeprefix("the ")
    return key, f"{key}s", f"{key}es", key.removesuffix("s")


@cache
def _known_text() -> str:
    asks = (
        text for entry in load_entries() if entry.family != "fallback" for text in (*entry.ask, *entry.unseen)
    )
    in_skills = (*words("letters"), *(left for name in ("opposites", "plurals") for left, _ in pairs(name)))
    return " | ".join(f" {normalised(text)} " for text in (*asks, *in_skills))


@cache
def _known_countries() -> tuple[str, ...]:
    """Countries whose capital is a fact: other questions about them are still beyond the corpus."""
    prefix = "What is the capital of "
    asks = (text for entry in load_entries() if entry.family == "fact" for text in entry.ask)
    return tuple(text.removeprefix(prefix).rstrip("?") for text in asks if text.startswith(prefix))


def _country(rng: Random) -> str:
    return rng.choice(_known_countries())


def _mash(rng: Random) -> str:
    """Keys hit at random, along a row, or in a rhythm."""
    row = rng.choice((*_KEYBOARD_ROWS, "".join(_KEYBOARD_ROWS)))
    kind = rng.randrange(3)
    if kind == 0:
        return "".join(rng.choices(row, k=rng.randrange(3, 9)))
    if kind == 1:
        start = rng.randrange(len(row) - 3)
        return row[start : start + rng.randrange(4, 9)]
    return "".join(rng.choices(row, k=rng.choice((2, 3)))) * rng.randrange(2, 5)


def _marks(rng: Random) -> str:
    pattern = rng.choice(("{0}{0}{0}{0}", "{0} {1} {0}", "{0}{1}{0}{1}", "{0}{1} {2}"))
    return pattern.format(*rng.sample("?!.#%$&*;:<>()0123456789", 3))


def _large(rng: Random) -> str:
    digits = rng.choice((2, 2, 3, 4))
    return str(rng.randrange(21 if digits == 2 else 10 ** (digits - 1), 10**digits))


_GENERATORS: dict[str, Callable[[Random], str]] = {
    "known_countries": _country,
    "mash": _mash,
    "marks": _marks,
    "large": _large,
    "small": lambda rng: str(rng.randrange(2, 13)),
    "huge": lambda rng: str(rng.randrange(40, 2000)),
}
