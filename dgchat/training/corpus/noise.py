"""Surface noise on the user's turns: how people really type."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

NOISY_SHARE = 0.30
"""Share of the user's turns that `maybe_noisy` changes."""

_OPENERS = (
    "hey, ",
    "hey ",
    "hi, ",
    "ok so ",
    "please ",
    "pls ",
    "so ",
    "um, ",
    "can you tell me: ",
    "tell me, ",
    "ok, ",
)
_CLOSERS = (" please", " pls", ", please", " thanks", " ok?", " plz", "!", "?", "??", " :)", "...")
_LONG_WORD = re.compile(r"[A-Za-z]{4,}")


def maybe_noisy(text: str, rng: Random, *, typos: bool = True) -> str:
    """`text` as it is, or with one to three kinds of noise; no `typos` where the answer repeats its words."""
    if rng.random() >= NOISY_SHARE:
        return text
    for _ in range(rng.choice((1, 1, 2, 3))):
        text = rng.choice(_NOISES if typos else _HARMLESS)(text, rng)
    return text


def lower_case(text: str, rng: Random) -> str:
    """All letters small."""
    return text.lower()


def without_punctuation(text: str, rng: Random) -> str:
    """No closing mark, and sometimes no apostrophe or comma."""
    text = text.rstrip(".!? ") or text
    return text.replace("'", "").replace(",", "") if rng.random() < 0.5 else text


def with_typo(text: str, rng: Random) -> str:
    """One letter inside a long word dropped, doubled or swapped with the next; the word's ends stay."""
    words = list(_LONG_WORD.finditer(text))
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def with_opener(text: str, rng: Random) -> str:
    """A polite or careless word in front."""
    return rng.choice(_OPENERS) + (
        text[0].lower() + text[1:] if rng.random() < 0.7 and text[:2] != "I " else text
    )


def with_closer(text: str, rng: Random) -> str:
    """A polite or careless end."""
    return (text.rstrip(".!? ") or text) + rng.choice(_CLOSERS)


_HARMLESS: tuple[Callable[[str, Random], str], ...] = (
    lower_case,
    without_punctuation,
    with_opener,
    with_closer,
)
_NOISES = (*_HARMLESS, lower_case, without_punctuation, with_typo)
