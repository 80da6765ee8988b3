"""A canvas of 256 tokens denoised in 48 steps, made up from a seed.

Nobody recorded it: the words are invented and the guesses drawn at random. What is taken from real runs is the
schedule: a mean entropy near 2 nats at step 1, 0.9 at step 5, 0.3 at 13, 0.005 in the end, a fifth of the canvas
settled at step 5 and half at 13, and a few settled tokens that are overturned later. The guesses are as awkward
as those of a large vocabulary: one to twenty cells wide, CJK, emoji, combining marks, newlines.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import exp, log
from random import Random

from dgchat.engine.events import CanvasStep, level_of_entropy

LENGTH = 256
STEPS = 48

TEXT = (
    "Tides are the slow breath of the sea . The moon pulls at the water that is nearest to it , and the "
    "water rises : 潮汐 は 月 の 引力 に よって 起こ ります 。 ↲ ↲ Twice a day the café on the pier loses its "
    "steps to the water 🌊 and gets them back , a little greener than before . ↲ ↲ - Spring tides come at "
    "full moon 🌕 and at new moon . ↲ - Neap tides come in between , when the sun pulls the other way . ↲ - "
    "In a nai\u0308ve model the bulge would follow the moon exactly ; in truth coasts get in its way , "
    "and some places , such as the Bay of Fundy , see sixteen metres of difference . ↲ ↲ 海 水 每 天 漲 落 "
    "兩 次 , so fishermen have kept tables for centuries . They wrote down what they saw , year after year , "
    "until someone noticed that the numbers repeat themselves every eighteen years and eleven days . ↲ ↲ "
    "Whoever stands at the shore for long enough will see all of this without any table at all . The pools "
    "fill , the ropes go slack , the boats turn round on their moorings 🚣 , and the gulls move up the beach "
    "by a few steps . Then everything waits for a moment , and goes back the way it came . ↲ ↲ That is all ."
)

_SPREAD_WORDS = (
    "algorithm", "ando", "海", "qubit", ":(", "wait", "island", "🦊", "über", "village", "ing", "\n",
    "世界中で", "Wissenschaftler", "ción", "e\u0301te\u0301", "ﬀ", "ность", "internationalization", "의",
    "});", "¿", "   ", "的时候", "🎉", "the", " of", "--", "שלום", "\n\n", "Überraschung", "fi", "ọ́",
)  # fmt: skip

_OVERTURNED_SHARE = 0.03
"""Of the tokens; each of them gives up what it had settled on, for a step or three."""

_LEAST_WRONG_NATS = 0.55
"""Where the model is surer than this it is right, or it relapses."""

_MEAN_NATS = ((1, 1.75), (5, 0.9), (13, 0.27), (25, 0.05), (48, 0.005))
"""Step and mean entropy of the canvas; in between it falls exponentially."""


@cache
def made_up_trace(seed: int = 5, canvas_index: int = 0) -> tuple[CanvasStep, ...]:
    """The steps of one canvas; the same seed gives the same ones."""
    draw = Random(f"{seed} {canvas_index}")
    target = _target_pieces()
    tokens = [_Token(draw, piece) for piece in target]
    numbers = range(1, STEPS + 1)
    return tuple(_step(canvas_index, number, [token.at(number) for token in tokens]) for number in numbers)


def _target_pieces() -> list[str]:
    words = TEXT.replace("↲", "\n").split(" ")
    pieces = [word if word in "\n.,:;" or _is_wide(word) else f" {word}" for word in words]
    return (pieces * 2)[:LENGTH]


def _is_wide(word: str) -> bool:
    return any(ord(character) > 0x2E80 for character in word)


@dataclass(frozen=True, slots=True)
class _Guess:
    piece: str
    nats: float


class _Token:
    """The guesses of one position, step by step, until it arrives at its piece."""

    def __init__(self, draw: Random, piece: str) -> None:
        arrival = 2 + 26 * draw.random() ** 1.7
        self._wrong = _wrong_guesses(draw, int(arrival))
        self._sureness = draw.uniform(0.3, 1.7)
        self._arrival = arrival
        self._relapse = range(0)
        if draw.random() < _OVERTURNED_SHARE:
            first = int(arrival) + draw.randint(3, 6)
            self._relapse = range(first, first + draw.randint(1, 3))
        self._piece = piece

    def at(self, number: int) -> _Guess:
        mean = _mean_nats(number)
        if number in self._relapse:
            return _Guess(self._wrong[-1], self._sureness)
        if number < self._arrival:
            return _Guess(self._wrong[number - 1], max(_LEAST_WRONG_NATS, 1.3 * self._sureness * mean))
        return _Guess(self._piece, max(1e-6, 0.3 * mean * self._sureness * exp(self._arrival - number)))


def _wrong_guesses(draw: Random, count: int) -> list[str]:
    """So many guesses, each kept for one to three steps."""
    guesses: list[str] = []
    while len(guesses) < max(1, count):
        guesses += [draw.choice(_SPREAD_WORDS)] * draw.choice((1, 1, 2, 2, 3))
    return guesses[: max(1, count)]


def _mean_nats(number: int) -> float:
    for (first, high), (last, low) in pairwise(_MEAN_NATS):
        if number <= last:
            return high * exp(log(low / high) * (number - first) / (last - first))
    return _MEAN_NATS[-1][1]


def _step(canvas_index: int, number: int, guesses: list[_Guess]) -> CanvasStep:
    return CanvasStep(
        canvas_index=canvas_index,
        step=number,
        max_steps=STEPS,
        temperature=0.8 - 0.4 * number / STEPS,
        token_ids=array("i", [hash_of(guess.piece) for guess in guesses]),
        pieces=tuple(guess.piece for guess in guesses),
        entropy_levels=bytes(level_of_entropy(guess.nats) for guess in guesses),
        accepted=bytes(guess.nats < 0.01 for guess in guesses),
        seconds=0.015,
        end=None,
    )


def hash_of(piece: str) -> int:
    """An id for a piece: the same in every process."""
    return sum(ord(character) * 31**place for place, character in enumerate(piece)) % 262_144
