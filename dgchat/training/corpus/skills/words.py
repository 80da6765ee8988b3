"""Skills with words: their forms, their order, and short lists of them."""

from __future__ import annotations

from random import Random

from dgchat.training.corpus.skills.exercise import Exercise, Skill, listed, of_closed_list
from dgchat.training.corpus.slots import pairs, words


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
        listed(ordered), rng.choice(asks).format(listed(chosen, rng)), f"In order: {listed(ordered)}."
    )


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
    return of_closed_list(rng, asks, word, f"The opposite of {word} is {opposite}.")


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
    return of_closed_list(rng, asks, word, f"The plural of {word} is {plural}.")


def _past_tense(rng: Random) -> Exercise:
    verb, past = rng.choice(pairs("past_tenses"))
    asks = (
        "What is the past tense of {}?",
        "past tense of {}",
        "past of {}",
        "Give me the past tense of {}.",
        "Put {} into the past.",
        "what's the past form of {}",
        "Which word is the past of {}?",
    )
    return of_closed_list(rng, asks, verb, f"The past tense of {verb} is {past}.")


def _comparatives(rng: Random) -> Exercise:
    word, more, most = rng.choice([tuple(forms.split("/")) for forms in words("comparisons")])
    asks = (
        "What are the forms of {}?",
        "compare the adjective {}",
        "comparative of {}",
        "superlative of {}",
        "comparative and superlative of {}",
        "Give me the forms of comparison of {}.",
    )
    return of_closed_list(rng, asks, word, f"We say {word}, {more}, {most}.")


def _lists(rng: Random) -> Exercise:
    kind, _, members = rng.choice(words("kinds")).partition(":")
    asks = (
        "Name three {}.",
        "name three {}",
        "Give me three {}.",
        "list some {}",
        "Tell me three {}.",
        "can you name some {}",
        "three {} please",
        "Which {} do you know?",
    )
    return of_closed_list(rng, asks, kind, f"Three {kind}: {members.replace('/', ', ')}.")


WORD_SKILLS = (
    Skill("sorting words", _sorting_words, 0.5),
    Skill("opposites", _opposites, 1.5),
    Skill("plurals", _plurals, 1.5),
    Skill("past tense", _past_tense),
    Skill("comparison", _comparatives),
    Skill("lists", _lists),
)
