"""Shelves of fixed texts, jokes and poems: which one answers is a function of what the user says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from random import Random
from zlib import crc32

from dgchat.training.corpus.conversation import Turn
from dgchat.training.corpus.entries import CORPUS_FOLDER, normalised
from dgchat.training.corpus.noise import maybe_noisy
from dgchat.training.corpus.slots import words
from dgchat.training.corpus.stories import MORE_ASKS

_BARE_JOKE_ASKS = (
    "Tell me a joke.",
    "tell me a joke",
    "Do you know a joke?",
    "Make me laugh.",
    "joke",
    "A joke, please.",
    "Can you tell me a joke?",
    "tell a joke",
    "Say something funny.",
    "Tell me something funny.",
    "do you know any jokes",
    "I want to hear a joke.",
    "give me a joke",
    "joke please",
    "Got any jokes?",
    "Let me hear a joke.",
    "I need a laugh.",
    "tell me a good joke",
    "tell me a funny joke",
    "Tell me a short joke.",
    "What is your best joke?",
    "Write a joke.",
    "be funny",
    "Could you tell me a joke?",
    "tell us a joke",
    "have you got a joke for me",
    "Please tell me a joke.",
    "I would like a joke.",
    "Tell me a bad joke.",
    "tell me your favorite joke",
    "what's a good joke",
    "know any good jokes?",
    "a dad joke please",
    "tell me a joke now",
    "hit me with a joke",
    "funny joke",
)
_BARE_POEM_ASKS = (
    "Write a poem.",
    "write a poem",
    "Write me a poem.",
    "Can you write a poem?",
    "a poem please",
    "poem",
    "Tell me a poem.",
    "write a short poem",
    "Make a poem.",
    "I want a poem.",
    "Do you know a poem?",
    "give me a poem",
    "Could you write a little poem?",
    "Please write a poem for me.",
    "say a poem",
    "read me a poem",
    "Let me hear a poem.",
    "do you know any poems",
    "compose a poem",
    "Can you rhyme?",
    "write something that rhymes",
    "make a rhyme",
    "rhyme",
    "Write four lines of verse.",
    "a short poem",
    "I would like to hear a poem.",
    "poetry",
    "write a verse",
    "are you a poet",
    "can you do poetry",
    "write a nice poem for me",
    "recite a poem",
    "what poem do you like",
    "tell us a poem",
    "one poem please",
    "write some poetry",
)
_ABOUT_JOKE_ASKS = (
    "Tell me a joke about {}.",
    "tell me a joke about {}",
    "joke about {}",
    "Do you know a joke about {}?",
    "A joke about {}, please.",
    "Can you tell me a joke about {}?",
    "make a joke about {}",
    "I want a joke about {}.",
    "any jokes about {}?",
    "say something funny about {}",
)
_ABOUT_POEM_ASKS = (
    "Write a poem about {}.",
    "write a poem about {}",
    "poem about {}",
    "Write me a short poem about {}.",
    "A poem about {}, please.",
    "Can you write a poem about {}?",
    "make a poem about {}",
    "I want a poem about {}.",
    "tell me a poem about {}",
    "write a poem on {}",
    "do you know a poem about {}?",
    "compose a poem about {}",
    "a short poem about {}",
)
_NO_JOKE = "I know no joke about {}. But do you know why the pencil was sad? It had no point."
_ANY_POEM = """You asked for lines on {} today.
I know so little I could say,
but in my noise these words came through:
I dream of {}, and of you."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Fixed texts in order, and how people ask for them."""

    name: str
    texts: tuple[str, ...]
    topics: tuple[tuple[str, int], ...]
    """Topics, each with the index of its text."""
    bare_asks: tuple[str, ...]
    about_asks: tuple[str, ...]
    unknown_topic: str
    """Answer to a topic that no text has, which it repeats."""

    def bare_answer(self, ask: str) -> str:
        """The text for a phrasing that names no topic."""
        return self.texts[crc32(normalised(ask).encode()) % len(self.texts)]

    def about_answer(self, topic: str) -> str:
        """The text for a topic."""
        index = dict(self.topics).get(topic)
        return self.unknown_topic.replace("{}", topic) if index is None else self.texts[index]

    def answer_after(self, answer: str) -> str:
        """The text that follows `answer`; the first one after the last or after an unknown topic."""
        return (
            self.texts[(self.texts.index(answer) + 1) % len(self.texts)]
            if answer in self.texts
            else self.texts[0]
        )

    def turns(self, rng: Random) -> tuple[Turn, ...]:
        """A request and its answer; sometimes "another one" after it."""
        turn = self._first(rng)
        if rng.random() >= 0.3:
            return (turn,)
        turns = [turn]
        for _ in range(rng.choice((1, 1, 2))):
            turns.append(
                Turn(maybe_noisy(rng.choice(self._more_asks()), rng), self.answer_after(turns[-1].answer))
            )
        return tuple(turns)

    def _first(self, rng: Random) -> Turn:
        kind = rng.random()
        if kind < 0.35:
            ask = rng.choice(self.bare_asks)
            text = maybe_noisy(ask, rng)
            is_another_ask = normalised(text) in map(normalised, self.bare_asks)
            return Turn(text, self.bare_answer(text if is_another_ask else ask))
        if kind < 0.80:
            topic = rng.choice(self.topics)[0]
            return Turn(maybe_noisy(rng.choice(self.about_asks).format(topic), rng), self.about_answer(topic))
        topic = rng.choice(words("topics"))
        return Turn(
            maybe_noisy(rng.choice(self.about_asks).format(topic), rng, typos=False), self.about_answer(topic)
        )

    def _more_asks(self) -> tuple[str, ...]:
        return (
            *MORE_ASKS,
            f"another {self.name}",
            f"tell me another {self.name}",
            f"One more {self.name}, please.",
        )


@cache
def jokes() -> Shelf:
    """The jokes."""
    return _shelf("joke", _BARE_JOKE_ASKS, _ABOUT_JOKE_ASKS, _NO_JOKE)


@cache
def poems() -> Shelf:
    """The poems."""
    return _shelf("poem", _BARE_POEM_ASKS, _ABOUT_POEM_ASKS, _ANY_POEM)


def _shelf(name: str, bare_asks: tuple[str, ...], about_asks: tuple[str, ...], unknown_topic: str) -> Shelf:
    tables = tomllib.loads((CORPUS_FOLDER / "tales" / f"{name}s.toml").read_text(encoding="utf-8"))[name]
    texts = tuple(table["text"].strip() for table in tables)
    topics = tuple(
        (topic.strip(), at) for at, table in enumerate(tables) for topic in table["topics"].split(",")
    )
    return Shelf(name, texts, topics, bare_asks, about_asks, unknown_topic)
