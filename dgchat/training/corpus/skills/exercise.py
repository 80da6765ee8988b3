"""What a skill is: a family of exercises, each with one right answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dgchat.training.corpus.entries import normalised
from dgchat.training.corpus.held_out import is_held_out


@dataclass(frozen=True, slots=True)
class Exercise:
    """One question of a skill and its only right answer."""

    value: str
    """What decides between training and test: the numbers or the word; of closed lists, the question."""
    ask: str
    answer: str


@dataclass(frozen=True, slots=True)
class Skill:
    """A family of exercises."""

    name: str
    draw: Callable[[Random], Exercise]
    """A random exercise, trained or held out."""
    weight: float = 1.0
    """How often it is trained, relative to the others."""

    def exercise(self, rng: Random, *, held_out: bool = False) -> Exercise:
        """A random exercise from the trained values, or from those kept out of training."""
        while True:
            exercise = self.draw(rng)
            if is_held_out(self.name, exercise.value) == held_out:
                return exercise


def of_closed_list(rng: Random, asks: tuple[str, ...], word: str, answer: str) -> Exercise:
    """An exercise of a closed list: what is held out is a word together with a way of asking."""
    ask = rng.choice(asks).format(word)
    return Exercise(normalised(ask), ask, answer)


def listed(values: list[int] | list[str], rng: Random | None = None) -> str:
    """The values in a row, parted as people part them."""
    separator = rng.choice((", ", ", ", " ")) if rng else ", "
    return separator.join(str(value) for value in values)
