"""Stories from templates whose slots stay consistent; only here does chance choose the answer."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from random import Random
from zlib import crc32

from dgchat.training.corpus.conversation import Turn
from dgchat.training.corpus.entries import CORPUS_FOLDER, normalised
from dgchat.training.corpus.held_out import is_held_out
from dgchat.training.corpus.noise import maybe_noisy
from dgchat.training.corpus.slots import words

BARE_ASKS = (
    "Tell me a story.",
    "tell me a story",
    "Can you tell me a story?",
    "Write a story.",
    "write me a story",
    "A story, please.",
    "I want a story",
    "story",
    "story please",
    "Tell a short story.",
    "tell me a short story",
    "Write a short story.",
    "Make up a story.",
    "I would like to hear a story.",
    "Please tell me a bedtime story.",
    "bedtime story",
    "Do you know a story?",
    "do you know any stories",
    "Let me hear a story.",
    "Once upon a time",
    "another story",
    "Could you write a little story for me?",
    "tell us a story",
    "I am in the mood for a story.",
    "give me a story",
    "Tell me a fairy tale.",
    "tell me a tale",
    "Have you got a story for me?",
    "entertain me with a story",
    "tell my kids a story",
    "Read me a story.",
    "invent a story",
    "what story can you tell me",
)
_ABOUT_ASKS = (
    "Tell me a story about {}.",
    "tell me a story about {}",
    "Write a story about {}.",
    "write a short story about {}",
    "A story about {}, please.",
    "story about {}",
    "Can you tell me a story about {}?",
    "Can you write a story about {}?",
    "Make up a story about {}.",
    "I want a story about {}.",
    "tell me a tale about {}",
    "Tell me a bedtime story about {}.",
    "Please tell a story about {}.",
    "give me a story about {}",
    "do you know a story about {}",
    "Tell me something about {} in a story.",
    "a short story about {}",
    "Could you make a story with {}?",
)
MORE_ASKS = (
    "another one",
    "Another one, please.",
    "one more",
    "again",
    "more",
    "Tell me another one.",
    "one more please",
    "next one",
)
_NAMED = ("{} named {}", "{} called {}", "{} named {}", "{} with the name {}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants in the story; None leaves it to chance."""

    hero: str | None = None
    name: str | None = None
    topic: str | None = None

    def named(self) -> tuple[str, ...]:
        """What the user named, and must therefore find in the story."""
        return tuple(part for part in (self.hero, self.name, self.topic) if part)

    def ask(self, rng: Random) -> str:
        """A way of asking for it."""
        if self.topic:
            return rng.choice(_ABOUT_ASKS).format(self.topic)
        if self.hero and self.name:
            return rng.choice(_ABOUT_ASKS).format(
                rng.choice(_NAMED).format(with_article(self.hero), self.name)
            )
        if self.hero:
            return rng.choice(_ABOUT_ASKS).format(
                rng.choice((with_article(self.hero), with_article(self.hero), f"the {self.hero}"))
            )
        return rng.choice(_ABOUT_ASKS).format(self.name) if self.name else rng.choice(BARE_ASKS)


@dataclass(frozen=True, slots=True)
class Template:
    """One story with slots."""

    text: str
    about_topic: bool
    choices: dict[str, tuple[str, ...]]


@cache
def templates() -> tuple[Template, ...]:
    """Every story template of the corpus."""
    tables = tomllib.loads((CORPUS_FOLDER / "tales" / "stories.toml").read_text(encoding="utf-8"))["story"]
    return tuple(_template(table) for table in tables)


def _template(table: dict[str, str]) -> Template:
    choices = {
        slot: tuple(text.split("|")) for slot, text in table.items() if slot not in ("text", "about_topic")
    }
    return Template(table["text"].strip(), bool(table.get("about_topic")), choices)


def draw_wish(rng: Random, *, held_out: bool = False) -> Wish:
    """What a user may want; a held-out wish pairs a hero with a name that never go together in training."""
    kind = rng.random()
    if held_out or kind < 0.30:
        while True:
            hero, name = rng.choice(words("heroes")), rng.choice(words("names"))
            if is_held_out("story", f"{hero} {name}") == held_out:
                return Wish(hero=hero, name=name)
    if kind < 0.55:
        hero = rng.choice(words("heroes"))
        return Wish(hero=hero if rng.random() < 0.85 else f"{rng.choice(words('looks'))} {hero}")
    if kind < 0.63:
        return Wish(name=rng.choice(words("names")))
    return Wish(topic=rng.choice(words("topics"))) if kind < 0.73 else Wish()


def _fitting_name(hero: str, rng: Random) -> str:
    kind = hero.split()[-1]
    fitting = next((names for names in ("female", "male") if kind in words(f"{names}_heroes")), None)
    return rng.choice(words(f"{fitting}_names" if fitting else "story_names"))


def story_turns(rng: Random) -> tuple[Turn, ...]:
    """A wish and its story; sometimes the user wants another one: the next plot, whatever it is about."""
    wish = draw_wish(rng)
    ask = wish.ask(rng)
    plot = plot_for(wish, ask)
    story = tell(wish, plot, rng)
    if wish.name is None:
        ask = maybe_noisy(ask, rng, typos=wish == Wish())
    turn = Turn(ask, story)
    if rng.random() >= 0.12:
        return (turn,)
    more = maybe_noisy(rng.choice((*MORE_ASKS, "another story")), rng)
    return turn, Turn(more, tell(Wish(), plot + 1, rng))


def plot_for(wish: Wish, ask: str) -> int:
    """The number of the plot: one for all stories about the same thing, and for each way of asking for any. A
    model that writes all words at once cannot weigh plots against each other.
    """
    return crc32((wish.hero or wish.topic or wish.name or normalised(ask)).encode())


def tell(wish: Wish, plot: int, rng: Random) -> str:
    """A random story that keeps to `wish`, by one of the plots that fit it, counted around."""
    fitting = [each for each in templates() if each.about_topic == bool(wish.topic)]
    template = fitting[plot % len(fitting)]
    values = {slot: rng.choice(options) for slot, options in template.choices.items()}
    values |= _cast(wish, rng)
    return re.sub(r"\{(\w+)\}", lambda slot: values[slot[1]], template.text)


def _cast(wish: Wish, rng: Random) -> dict[str, str]:
    """Everybody who plays a part: the hero as wished, and a friend who differs in kind and in name."""
    hero = wish.hero or rng.choice(words("friends"))
    name = wish.name or _fitting_name(hero, rng)
    friend = rng.choice([kind for kind in words("friends") if kind not in hero])
    friend_name = rng.choice([other for other in words("friend_names") if other != name])
    return {
        "hero": hero,
        "name": name,
        "friend": friend,
        "friend_name": friend_name,
        "mood": rng.choice([mood for mood in words("moods") if mood not in hero.split()]),
        "topic": wish.topic or "",
    }


def with_article(noun: str) -> str:
    """`noun` after "a" or "an", by its first letter."""
    return f"{'an' if noun[0] in 'aeio' or noun.startswith('ug') else 'a'} {noun}"
