"""Checkers of answers to free questions: each accepts the right answer to its own kind of question only."""

from __future__ import annotations

import re
from collections.abc import Callable

from dgchat.training.corpus.memory import MEMORIES, NAME_MEMORY
from dgchat.training.corpus.shelf import jokes, poems
from dgchat.training.corpus.skills import DAYS, MONTHS
from dgchat.training.corpus.skills.calendar import MONTH_LENGTHS, UNITS
from dgchat.training.corpus.slots import pairs, words
from dgchat.training.evaluation.garble import garbled, split_words


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


def _product_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"(\d+) times (\d+) is (\d+)\.", answer)
    if not found or not re.search(r"\d\s*[*x\u00d7]\s*\d|times|multipl|product", sentence.lower()):
        return False
    numbers = [int(number) for number in found.groups()]
    asked = [int(number) for number in re.findall(r"\d+", sentence)]
    return asked == numbers[:2] and numbers[0] * numbers[1] == numbers[2]


def _parity_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"(\d+) is an (even|odd) number\.", answer)
    return bool(
        found
        and re.findall(r"\d+", sentence) == [found[1]]
        and re.search(r"even|odd", sentence.lower())
        and (int(found[1]) % 2 == 1) == (found[2] == "odd")
    )


def _share_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"(Twice|Half of) (\d+) is (\d+)\.", answer)
    if not found or re.findall(r"\d+", sentence) != [found[2]]:
        return False
    if found[1] == "Twice":
        return bool(re.search(r"twice|doubl", sentence.lower())) and int(found[3]) == 2 * int(found[2])
    return bool(re.search(r"hal[fv]", sentence.lower())) and 2 * int(found[3]) == int(found[2])


def _word_is_turned_rightly(sentence: str, answer: str) -> bool:
    asked = split_words(sentence)
    if found := re.fullmatch(r"Backwards, (\w+) is ([A-Z](?:-[A-Z])*)\.", answer):
        return found[1] in asked and found[2].replace("-", "").lower() == found[1][::-1]
    if found := re.fullmatch(r"The word (\w+) has (\d+) letters\.", answer):
        return found[1] in asked and int(found[2]) == len(found[1])
    found = re.fullmatch(r"In capital letters it is ([A-Z]+)\.", answer)
    return bool(found) and found[1].lower() in asked and bool(re.search(r"capital|upper", sentence.lower()))


def _form_is_right(sentence: str, answer: str) -> bool:
    asked = split_words(sentence)
    if found := re.fullmatch(r"The past tense of (\w+) is (\w+)\.", answer):
        return found[1] in asked and "past" in asked and (found[1], found[2]) in pairs("past_tenses")
    found = re.fullmatch(r"We say (\w+), (\w+), (\w+)\.", answer)
    return bool(found) and "/".join(found.groups()) in words("comparisons") and found[1] in asked


def _list_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"Three (\w+): (.+)\.", answer)
    listed = {kind: members.replace("/", ", ") for kind, members in pairs("kinds")}
    return bool(found) and listed.get(found[1]) == found[2] and found[1][:-1] in sentence.lower()


def _calendar_is_right(sentence: str, answer: str) -> bool:
    asked = sentence.lower()
    if found := re.fullmatch(r"(\w+) has (\d+) days(?:, in a leap year 29)?\.", answer):
        lengths: dict[str, int] = dict(zip(MONTHS, MONTH_LENGTHS, strict=True))
        return found[1].lower() in asked and lengths.get(found[1]) == int(found[2])
    if found := re.fullmatch(r"Month number (\d+) is (\w+)\.", answer):
        return re.findall(r"\d+", sentence) == [found[1]] and MONTHS[int(found[1]) - 1 : int(found[1])] == (
            found[2],
        )
    found = re.fullmatch(r"The day (after|before) (\w+) (\d+) is (\w+) (\d+)\.", answer)
    if not found or found[2] != found[4] or found[1] not in asked or found[2].lower() not in asked:
        return False
    step = 1 if found[1] == "after" else -1
    return re.findall(r"\d+", sentence) == [found[3]] and int(found[5]) == int(found[3]) + step


def _unit_is_right(sentence: str, answer: str) -> bool:
    found = re.fullmatch(r"(\d+) (\w+) (?:is|are) (\d+) (\w+)\.", answer)
    if not found or found[2] not in sentence or found[4] not in sentence:
        return False
    factors = {(name, small): factor for one, many, small, factor, _ in UNITS for name in (one, many)}
    factor = factors.get((found[2], found[4]))
    return factor is not None and found[1] in sentence and int(found[3]) == factor * int(found[1])


CHECKERS: dict[str, Callable[[str, str], bool]] = {
    "sum": _sum_is_right,
    "product": _product_is_right,
    "even or odd": _parity_is_right,
    "half or double": _share_is_right,
    "turned word": _word_is_turned_rightly,
    "word form": _form_is_right,
    "list": _list_is_right,
    "calendar": _calendar_is_right,
    "unit": _unit_is_right,
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
