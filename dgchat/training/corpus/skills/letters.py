"""Skills with the letters of a closed list of words; held out is a word together with a task."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from dgchat.training.corpus.skills.exercise import Exercise, Skill
from dgchat.training.corpus.slots import words


def _first_letter(rng: Random) -> Exercise:
    asks = (
        "What is the first letter of {}?",
        "first letter of {}",
        "Which letter does {} start with?",
        "what letter does {} begin with",
        "Tell me the first letter of {}.",
    )
    return _about_a_word(rng, asks, lambda word: f"The first letter of {word} is {word[0].upper()}.")


def _last_letter(rng: Random) -> Exercise:
    asks = (
        "What is the last letter of {}?",
        "last letter of {}",
        "Which letter does {} end with?",
        "what letter does {} end in",
        "Tell me the last letter of {}.",
    )
    return _about_a_word(rng, asks, lambda word: f"The last letter of {word} is {word[-1].upper()}.")


def _spelling(rng: Random) -> Exercise:
    asks = (
        "How do you spell {}?",
        "spell {}",
        "Spell the word {}.",
        "how is {} spelled",
        "Can you spell {}?",
        "Please spell {} for me.",
    )
    return _about_a_word(rng, asks, lambda word: f"You spell {word} like this: {_in_letters(word)}.")


def _backwards(rng: Random) -> Exercise:
    asks = (
        "Spell {} backwards.",
        "spell {} backwards",
        "{} backwards",
        "Reverse the word {}.",
        "reverse {}",
        "How do you spell {} from the end?",
    )
    return _about_a_word(rng, asks, lambda word: f"Backwards, {word} is {_in_letters(word[::-1])}.")


def _counting_letters(rng: Random) -> Exercise:
    asks = (
        "How many letters are in {}?",
        "how many letters does {} have",
        "number of letters in {}",
        "Count the letters of {}.",
        "How long is the word {}?",
    )
    return _about_a_word(rng, asks, lambda word: f"The word {word} has {len(word)} letters.")


def _capitals(rng: Random) -> Exercise:
    asks = (
        "Write {} in capital letters.",
        "{} in capitals",
        "write {} in upper case",
        "Make {} upper case.",
        "{} in capital letters please",
    )
    return _about_a_word(rng, asks, lambda word: f"In capital letters it is {word.upper()}.")


def _about_a_word(rng: Random, asks: tuple[str, ...], answer: Callable[[str], str]) -> Exercise:
    word = rng.choice(words("letters"))
    return Exercise(word, rng.choice(asks).format(word), answer(word))


def _in_letters(word: str) -> str:
    return "-".join(word.upper())


LETTER_SKILLS = (
    Skill("first letter", _first_letter, 1.5),
    Skill("last letter", _last_letter, 0.5),
    Skill("spelling", _spelling, 0.5),
    Skill("backwards", _backwards, 0.5),
    Skill("counting letters", _counting_letters, 0.5),
    Skill("capitals", _capitals, 0.5),
)
