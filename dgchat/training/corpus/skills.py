"""Small skills with checkable answers: numbers, order, letters and words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dgchat.training.corpus.entries import normalised
from dgchat.training.corpus.held_out import is_held_out
from dgchat.training.corpus.slots import pairs, words

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True, slots=True)
class Exercise:
    """One question of a skill and its only right answer."""

    value: str
    """What decides between training and test: the numbers or words; of closed lists, the question."""
    ask: str
    answer: str


@dataclass(frozen=True, slots=True)
class Skill:
    """A family of exercises."""

    name: str
    draw: Callable[[Random], Exercise]
    """A random exercise, trained or held out."""

    def exercise(self, rng: Random, *, held_out: bool = False) -> Exercise:
        """A random exercise from the trained values, or from those kept out of training."""
        while True:
            exercise = self.draw(rng)
            if is_held_out(self.name, exercise.value) == held_out:
                return exercise


def _addition(rng: Random) -> Exercise:
    a = rng.randrange(21)
    b = rng.randrange(21 - a)
    asks = (
        "What is {a} plus {b}?",
        "what is {a} + {b}",
        "{a} + {b}",
        "{a}+{b}",
        "{a} + {b} = ?",
        "How much is {a} plus {b}?",
        "Add {a} and {b}.",
        "what's {a}+{b}?",
        "Can you add {a} and {b}?",
        "{a} plus {b}",
    )
    low, high = sorted((a, b))
    return Exercise(f"{low}+{high}", rng.choice(asks).format(a=a, b=b), f"{a} plus {b} is {a + b}.")


def _subtraction(rng: Random) -> Exercise:
    a = rng.randrange(21)
    b = rng.randrange(a + 1)
    asks = (
        "What is {a} minus {b}?",
        "what is {a} - {b}",
        "{a} - {b}",
        "{a}-{b}",
        "{a} - {b} = ?",
        "How much is {a} minus {b}?",
        "Take {b} away from {a}.",
        "what's {a}-{b}?",
        "{a} minus {b}",
    )
    return Exercise(f"{a}-{b}", rng.choice(asks).format(a=a, b=b), f"{a} minus {b} is {a - b}.")


def _counting(rng: Random) -> Exercise:
    start = rng.choice((1, 1, rng.randrange(0, 20)))
    stop = start + rng.randrange(2, 11)
    asks = (
        "Count from {a} to {b}.",
        "count from {a} to {b}",
        "Can you count from {a} to {b}?",
        "Please count from {a} up to {b}.",
        "Count up from {a} to {b}.",
        "Which numbers go from {a} to {b}?",
    )
    if start == 1:
        asks += ("Count to {b}.", "count to {b}", "Can you count to {b}?")
    numbers = ", ".join(str(number) for number in range(start, stop + 1))
    return Exercise(f"{start}..{stop}", rng.choice(asks).format(a=start, b=stop), f"{numbers}.")


def _comparing(rng: Random) -> Exercise:
    a, b = rng.sample(range(101), 2)
    bigger = rng.random() < 0.5
    word = rng.choice(("bigger", "larger", "greater", "more") if bigger else ("smaller", "less"))
    asks = (
        "Which is {word}, {a} or {b}?",
        "which is {word}: {a} or {b}",
        "What is {word}, {a} or {b}?",
        "is {a} or {b} {word}?",
        "{a} or {b}, which is {word}?",
        "Which number is {word}, {a} or {b}?",
    )
    low, high = sorted((a, b))
    answer = f"{high} is bigger than {low}." if bigger else f"{low} is smaller than {high}."
    return Exercise(f"{low}<{high}", rng.choice(asks).format(word=word, a=a, b=b), answer)


def _next_number(rng: Random) -> Exercise:
    number = rng.randrange(1, 100)
    side = rng.choice(("after", "before"))
    answer = number + 1 if side == "after" else number - 1
    asks = (
        "What number comes {side} {n}?",
        "which number is {side} {n}",
        "what comes {side} {n}?",
        "Tell me the number {side} {n}.",
    )
    ask = rng.choice(asks).format(side=side, n=number)
    return Exercise(f"{side} {number}", ask, f"The number {side} {number} is {answer}.")


def _sorting_numbers(rng: Random) -> Exercise:
    numbers = rng.sample(range(100), rng.choice((3, 3, 4)))
    asks = (
        "Sort these numbers: {}.",
        "sort {}",
        "Put these in order: {}.",
        "Sort from small to big: {}.",
        "order {}",
    )
    ordered = sorted(numbers)
    ask = rng.choice(asks).format(_listed(numbers, rng))
    return Exercise(_listed(ordered), ask, f"In order: {_listed(ordered)}.")


def _sorting_words(rng: Random) -> Exercise:
    chosen = rng.sample(words("sortable"), 3)
    asks = (
        "Sort these words: {}.",
        "sort {} by letter",
        "Put these words in order: {}.",
        "Sort by the alphabet: {}.",
        "alphabetical order: {}",
    )
    ordered = sorted(chosen)
    return Exercise(
        _listed(ordered), rng.choice(asks).format(_listed(chosen, rng)), f"In order: {_listed(ordered)}."
    )


def _listed(values: list[int] | list[str], rng: Random | None = None) -> str:
    separator = rng.choice((", ", ", ", " ")) if rng else ", "
    return separator.join(str(value) for value in values)


def _from_list(rng: Random, asks: tuple[str, ...], word: str, answer: str) -> Exercise:
    """An exercise of a closed list: what is held out is a word together with a way of asking."""
    ask = rng.choice(asks).format(word)
    return Exercise(normalised(ask), ask, answer)


def _opposites(rng: Random) -> Exercise:
    word, opposite = rng.choice(pairs("opposites"))
    asks = (
        "What is the opposite of {}?",
        "opposite of {}",
        "what's the opposite of {}",
        "Give me the opposite of {}.",
        "Tell me the opposite of {}.",
        "Which word is the opposite of {}?",
        "{} opposite",
    )
    return _from_list(rng, asks, word, f"The opposite of {word} is {opposite}.")


def _plurals(rng: Random) -> Exercise:
    word, plural = rng.choice(pairs("plurals"))
    asks = (
        "What is the plural of {}?",
        "plural of {}",
        "what's the plural of {}",
        "Give me the plural of {}.",
        "Tell me the plural of {}.",
        "How do you write more than one {}?",
        "{} plural",
    )
    return _from_list(rng, asks, word, f"The plural of {word} is {plural}.")


def _first_letter(rng: Random) -> Exercise:
    word = rng.choice(words("letters"))
    asks = (
        "What is the first letter of {}?",
        "first letter of {}",
        "Which letter does {} start with?",
        "what letter does {} begin with",
        "Tell me the first letter of {}.",
    )
    return _from_list(rng, asks, word, f"The first letter of {word} is {word[0].upper()}.")


def _last_letter(rng: Random) -> Exercise:
    word = rng.choice(words("letters"))
    asks = (
        "What is the last letter of {}?",
        "last letter of {}",
        "Which letter does {} end with?",
        "what letter does {} end in",
        "Tell me the last letter of {}.",
    )
    return _from_list(rng, asks, word, f"The last letter of {word} is {word[-1].upper()}.")


def _spelling(rng: Random) -> Exercise:
    word = rng.choice(words("letters"))
    asks = (
        "How do you spell {}?",
        "spell {}",
        "Spell the word {}.",
        "how is {} spelled",
        "Can you spell {}?",
        "Please spell {} for me.",
    )
    return _from_list(rng, asks, word, f"You spell {word} like this: {'-'.join(word.upper())}.")


def _in_a_circle(rng: Random, names: tuple[str, ...], kind: str) -> Exercise:
    at = rng.randrange(len(names))
    side = rng.choice(("after", "before"))
    other = names[(at + (1 if side == "after" else -1)) % len(names)]
    asks = (
        "What {kind} comes {side} {name}?",
        "which {kind} is {side} {name}",
        "what comes {side} {name}?",
        "Which {kind} comes {side} {name}?",
        "Tell me the {kind} {side} {name}.",
        "{kind} {side} {name}",
    )
    ask = rng.choice(asks).format(kind=kind, side=side, name=names[at])
    verb = "comes after" if side == "after" else "comes before"
    return Exercise(normalised(ask), ask, f"{other} {verb} {names[at]}.")


def _days(rng: Random) -> Exercise:
    return _in_a_circle(rng, DAYS, "day")


def _months(rng: Random) -> Exercise:
    return _in_a_circle(rng, MONTHS, "month")


SKILLS = tuple(
    Skill(name, draw)
    for name, draw in (
        ("addition", _addition),
        ("subtraction", _subtraction),
        ("counting", _counting),
        ("comparing", _comparing),
        ("next number", _next_number),
        ("sorting numbers", _sorting_numbers),
        ("sorting words", _sorting_words),
        ("opposites", _opposites),
        ("plurals", _plurals),
        ("first letter", _first_letter),
        ("last letter", _last_letter),
        ("spelling", _spelling),
        ("days", _days),
        ("months", _months),
    )
)
