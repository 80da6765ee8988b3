"""Conversations in which the user says something about themselves and later asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dgchat.training.corpus.conversation import Turn
from dgchat.training.corpus.held_out import is_held_out
from dgchat.training.corpus.noise import maybe_noisy
from dgchat.training.corpus.slots import words

TWO_THINGS_SHARE = 0.25
"""Share of the conversations in which the user tells two things and asks for both."""

MADE_UP_SHARE = 0.4
"""Share of the trained names that are random syllables: they teach copying instead of a list."""

ANY_WORD_SHARE = 0.4
"""Share of the trained favorites that are any word at all, for the same reason."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One thing a user can tell and ask back."""

    name: str
    values: str
    """Which list of words its values come from."""
    tell_asks: tuple[str, ...]
    recall_asks: tuple[str, ...]
    told: str
    recalled: str
    unknown: str
    """Answer to the question when nothing was told."""


_NAME = Memory(
    name="name",
    values="names",
    tell_asks=(
        "My name is {}.",
        "my name is {}",
        "I am {}.",
        "I'm {}.",
        "i am {}",
        "im {}",
        "Call me {}.",
        "You can call me {}.",
        "Hi, I am {}.",
        "hi im {}",
        "Hello, my name is {}.",
        "hello, i'm {}",
        "Hi! My name is {}.",
        "{} is my name.",
        "My name's {}.",
        "People call me {}.",
        "Hey, it's {} here.",
        "the name is {}",
    ),
    recall_asks=(
        "What is my name?",
        "what's my name",
        "Do you know my name?",
        "Do you remember my name?",
        "Tell me my name.",
        "Who am I?",
        "What did I say my name was?",
        "Say my name.",
        "what am I called?",
        "Can you tell me my name?",
        "whats my name again",
        "Did you forget my name?",
    ),
    told="Nice to meet you, {}!",
    recalled="Your name is {}.",
    unknown="You have not told me your name yet.",
)


def _favorite(kind: str, spellings: tuple[str, ...], values: str) -> Memory:
    tell = (
        "My {} is {{}}.",
        "my {} is {{}}",
        "{{}} is my {}.",
        "I think my {} is {{}}.",
        "By the way, my {} is {{}}.",
    )
    recall = (
        "What is my {}?",
        "what's my {}",
        "Do you remember my {}?",
        "Do you know my {}?",
        "Tell me my {}.",
        "what did i say my {} is",
        "Which is my {}?",
    )
    return Memory(
        name=f"favorite {kind}",
        values=values,
        tell_asks=tuple(ask.format(spelling) for spelling in spellings for ask in tell),
        recall_asks=tuple(ask.format(spelling) for spelling in spellings for ask in recall),
        told=f"I will remember it: your favorite {kind} is {{}}.",
        recalled=f"Your favorite {kind} is {{}}.",
        unknown=f"You have not told me your favorite {kind} yet.",
    )


NAME_MEMORY = _NAME
MEMORIES = (
    _NAME,
    _favorite("color", ("favorite color", "favourite colour"), "colors"),
    _favorite("animal", ("favorite animal", "favourite animal"), "pets"),
    _favorite("food", ("favorite food", "favourite food"), "foods"),
)
_ONSETS = (
    "B",
    "Br",
    "D",
    "F",
    "G",
    "H",
    "J",
    "K",
    "Kl",
    "L",
    "M",
    "N",
    "P",
    "R",
    "S",
    "Sh",
    "T",
    "Tr",
    "V",
    "W",
    "Y",
    "Z",
)
_MIDDLES = (
    "a",
    "e",
    "i",
    "o",
    "u",
    "ai",
    "ee",
    "ora",
    "elo",
    "ina",
    "ama",
    "iri",
    "ovi",
    "anda",
    "ila",
    "eno",
    "uka",
)
_ENDS = (
    "",
    "n",
    "s",
    "l",
    "r",
    "x",
    "th",
    "nd",
    "ck",
    "ra",
    "la",
    "mo",
    "ta",
    "vin",
    "ric",
    "ley",
    "son",
    "bert",
)


def draw_value(memory: Memory, rng: Random, *, held_out: bool = False) -> str:
    """Something a user may tell, as they type it."""
    is_name = memory is NAME_MEMORY
    if is_name and not held_out and rng.random() < MADE_UP_SHARE:
        return made_up_name(rng)
    is_any = not is_name and not held_out and rng.random() < ANY_WORD_SHARE
    value = rng.choice(words("letters" if is_any else memory.values))
    if is_held_out("name" if is_name else memory.name, value) != held_out:
        return draw_value(memory, rng, held_out=held_out)
    return value


def made_up_name(rng: Random, *, held_out: bool = False) -> str:
    """A name of random syllables, several tokens long."""
    name = rng.choice(_ONSETS) + rng.choice(_MIDDLES) + rng.choice(_ENDS)
    return name if is_held_out("name", name) == held_out else made_up_name(rng, held_out=held_out)


def _as_typed(value: str, memory: Memory, rng: Random) -> str:
    if memory is NAME_MEMORY and rng.random() < 0.15:
        return value.lower()
    return f"the {value}" if memory.values == "pets" and rng.random() < 0.6 else value


def recall_turns(
    memory: Memory, value: str, between: tuple[Turn, ...], rng: Random, noise: Callable[[str, Random], str]
) -> tuple[Turn, ...]:
    """The user tells `value`, other turns follow, the user asks for it; answers repeat it as typed."""
    told = Turn(noise(rng.choice(memory.tell_asks), rng).replace("{}", value), memory.told.format(value))
    asked = Turn(noise(rng.choice(memory.recall_asks), rng), memory.recalled.format(value))
    return (told, *between, asked)


OTHER_ASKS = (
    "And the other one?",
    "and the other one",
    "and the other?",
    "What about the other one?",
    "what was the other thing",
    "And the other thing I told you?",
    "and the second thing?",
    "And what else did I tell you?",
)


def two_things_turns(
    memories: tuple[Memory, Memory], values: tuple[str, str], rng: Random, noise: Callable[[str, Random], str]
) -> tuple[Turn, ...]:
    """The user tells two things, asks for one of them, then for the other."""
    told = tuple(
        Turn(noise(rng.choice(memory.tell_asks), rng).replace("{}", value), memory.told.format(value))
        for memory, value in zip(memories, values, strict=True)
    )
    first, other = rng.choice(((0, 1), (1, 0)))
    recalled = [memory.recalled.format(value) for memory, value in zip(memories, values, strict=True)]
    asked = Turn(noise(rng.choice(memories[first].recall_asks), rng), recalled[first])
    return (*told, asked, Turn(noise(rng.choice(OTHER_ASKS), rng), recalled[other]))


def _two_things(rng: Random) -> tuple[Turn, ...]:
    first, second = rng.sample(MEMORIES, 2)
    values = tuple(_as_typed(draw_value(memory, rng), memory, rng) for memory in (first, second))
    turns = two_things_turns((first, second), (values[0], values[1]), rng, maybe_noisy)
    return turns if rng.random() < 0.7 else turns[:-1]


def memory_turns(rng: Random, small_talk: Callable[[Random], Turn]) -> tuple[Turn, ...]:
    """A trained conversation: told and asked, once or twice, only told, or asked without having been told."""
    if rng.random() < TWO_THINGS_SHARE:
        return _two_things(rng)
    memory = NAME_MEMORY if rng.random() < 0.55 else rng.choice(MEMORIES[1:])
    kind = rng.random()
    if kind < 0.12:
        return (Turn(maybe_noisy(rng.choice(memory.recall_asks), rng), memory.unknown),)
    value = _as_typed(draw_value(memory, rng), memory, rng)
    if kind < 0.25:
        return (
            Turn(
                maybe_noisy(rng.choice(memory.tell_asks), rng).replace("{}", value), memory.told.format(value)
            ),
        )
    between = tuple(small_talk(rng) for _ in range(rng.choice((0, 1, 1, 2))))
    return recall_turns(memory, value, between, rng, maybe_noisy)
