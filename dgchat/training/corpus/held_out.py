"""What is kept out of training: a share of the generated values, and what strangers might type first."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from zlib import crc32

ONE_IN = 10
"""One value in this many is held out."""

_SALT = "canvas"
_FIRST_SENTENCES = Path(__file__).parents[1] / "evaluation" / "first_sentences.txt"


def is_held_out(family: str, value: str) -> bool:
    """Whether `value` of `family` is never trained on: a fixed function of both."""
    return crc32(f"{_SALT}/{family}/{value}".encode()) % ONE_IN == 0


@cache
def first_sentences() -> tuple[str, ...]:
    """What strangers might type first, written without a look at the corpus; the generator skips them all."""
    return tuple(
        line.strip() for line in _FIRST_SENTENCES.read_text(encoding="utf-8").splitlines() if line.strip()
    )
