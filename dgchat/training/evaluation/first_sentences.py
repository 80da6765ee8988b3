"""What strangers type first, and what kind of answer the model gave."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from dgchat.training.corpus.entries import load_entries
from dgchat.training.corpus.memory import MEMORIES, NAME_MEMORY
from dgchat.training.corpus.shelf import jokes, poems
from dgchat.training.corpus.skills import DAYS, MONTHS
from dgchat.training.corpus.slots import pairs
from dgchat.training.evaluation.garble import garbled, split_words


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
    for name, accepts in _CHECKERS.items():
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


def _sum_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"(\d+) (plus|minus) (\d+) is (\d+)\.", answer)
    if not found:
        return False
    a, b, result = int(found[1]), int(found[3]), int(found[4])
    asked_minus = bool(re.search(r"\d\s*-\s*\d|minus|away|subtract|less", sentence.lower()))
    numbers = [int(number) for number in re.findall(r"\d+", sentence)]
    in_order = numbers == [a, b] or ("away" in sentence and numbers == [b, a])
    if found[2] == "plus":
        return in_order and not asked_minus and result == a + b
    return in_order and asked_minus and result == a - b


def _counting_is_right(sentence: str, answer: str) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", sentence)]
    if "count" not in sentence.lower() or len(numbers) not in (1, 2):
        return False
    start, stop = numbers if len(numbers) == 2 else (1, numbers[0])
    return answer == ", ".join(map(str, range(start, stop + 1))) + "."


def _comparison_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"(\d+) is (bigger|smaller) than (\d+)\.", answer)
    if not found or {found[1], found[3]} != set(re.findall(r"\d+", sentence)):
        return False
    wants_small = bool(re.search(r"small|less|low", sentence.lower()))
    bigger = found[2] == "bigger"
    return wants_small != bigger and (int(found[1]) > int(found[3])) == bigger


def _order_is_right(sentence: str, answer: str) -> bool:
    if not answer.startswith("In order: ") or not answer.endswith("."):
        return False
    values = answer.removeprefix("In order: ").removesuffix(".").split(", ")
    if all(value.isdigit() for value in values):
        numbers = sorted(int(number) for number in re.findall(r"\d+", sentence))
        return [int(value) for value in values] == numbers and len(numbers) > 1
    asked = split_words(sentence)[-len(values) :]
    return values == sorted(asked)


def _letters_are_right(sentence: str, answer: str) -> bool:
    asked = split_words(sentence)
    if spelled := re.fullmatch(r"You spell (\w+) like this: ([A-Z](?:-[A-Z])*)\.", answer):
        return (
            spelled[1].lower() in asked
            and spelled[2].replace("-", "").lower() == spelled[1].lower()
            and "spel" in sentence.lower()
        )
    if letter := re.fullmatch(r"The (first|last) letter of (\w+) is ([A-Z])\.", answer):
        right = letter[2][0 if letter[1] == "first" else -1].upper()
        wants_last = bool(re.search(r"\blast\b|\bend", sentence.lower()))
        return letter[2].lower() in asked and letter[3] == right and wants_last == (letter[1] == "last")
    return False


def _pair_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"The (opposite|plural) of (\w+) is (\w+)\.", answer)
    if not found or found[2].lower() not in split_words(sentence):
        return False
    known = pairs("opposites" if found[1] == "opposite" else "plurals")
    wanted = found[1] in sentence.lower() or (found[1] == "plural" and "more than one" in sentence.lower())
    return wanted and (found[2], found[3]) in known


def _neighbour_is_right(sentence: str, answer: str) -> bool:
    if found := re.fullmatch(r"The number (after|before) (\d+) is (\d+)\.", answer):
        step = 1 if found[1] == "after" else -1
        return (
            re.findall(r"\d+", sentence) == [found[2]]
            and found[1] in sentence
            and int(found[3]) == int(found[2]) + step
        )
    found = re.fullmatch(r"(\w+) comes (after|before) (\w+)\.", answer)
    circle = next(
        (names for names in (DAYS, MONTHS) if found and found[1] in names and found[3] in names), None
    )
    if not found or circle is None:
        return False
    step = 1 if found[2] == "after" else -1
    right = circle[(circle.index(found[3]) + step) % len(circle)]
    return found[3].lower() in split_words(sentence) and found[2] in sentence.lower() and found[1] == right


def _memory_is_right(sentence: str, answer: str) -> bool:
    for memory in MEMORIES:
        before, after = memory.told.split("{}")
        value = answer.removeprefix(before).removesuffix(after)
        if answer == memory.told.format(value) and value and value in sentence:
            return memory is not NAME_MEMORY or len(value.split()) == 1
    return False


def _topic_is_right(sentence: str, answer: str) -> bool:
    for shelf in (jokes(), poems()):
        pattern = re.escape(shelf.unknown_topic).replace(r"\{\}", "(.+?)", 1).replace(r"\{\}", r"\1")
        found = re.fullmatch(pattern, answer)
        if found and found[1] in sentence and shelf.name in sentence.lower():
            return True
    return False


def _story_is_fluent(sentence: str, answer: str) -> bool:
    return "story" in sentence.lower() and len(answer.split()) >= 40 and garbled(answer, sentence) is None


_CHECKERS: dict[str, Callable[[str, str], bool]] = {
    "sum": _sum_is_right,
    "counting": _counting_is_right,
    "comparison": _comparison_is_right,
    "order": _order_is_right,
    "letters": _letters_are_right,
    "opposite or plural": _pair_is_right,
    "neighbour": _neighbour_is_right,
    "memory": _memory_is_right,
    "joke or poem on a topic": _topic_is_right,
    "story": _story_is_fluent,
}
