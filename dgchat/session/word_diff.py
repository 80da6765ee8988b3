"""Which words two answers share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

_WORD = re.compile(r"\s*(?:[\w'’-]+|[^\w\s])|\s+$")
"""A word or a sign with the space before it; the space at the end stands alone."""


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    """Words in a row, with the space before them."""
    is_shared: bool
    """Whether the other answer has them, too."""


@dataclass(frozen=True, slots=True)
class WordDiff:
    earlier: tuple[Span, ...]
    """Joined, the earlier text."""
    newer: tuple[Span, ...]
    """Joined, the newer text."""
    shared_fraction: float
    """Twice the shared words by all words of both; 1 for two texts of the same words."""


def word_diff(earlier: str, newer: str) -> WordDiff:
    """Compare two texts word by word; the space between the words counts for nothing."""
    words, others = _WORD.findall(earlier), _WORD.findall(newer)
    matcher = SequenceMatcher(
        None, [word.strip() for word in words], [word.strip() for word in others], False
    )
    in_earlier, in_newer = [False] * len(words), [False] * len(others)
    for first, second, size in matcher.get_matching_blocks():
        in_earlier[first : first + size] = in_newer[second : second + size] = [True] * size
    return WordDiff(_spans(words, in_earlier), _spans(others, in_newer), matcher.ratio())


def _spans(words: Iterable[str], shared: Iterable[bool]) -> tuple[Span, ...]:
    runs = groupby(zip(words, shared, strict=True), key=lambda pair: pair[1])
    return tuple(Span("".join(word for word, _ in run), is_shared) for is_shared, run in runs)
