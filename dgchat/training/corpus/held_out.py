"""The split of generated values: which of them are kept out of training."""

from __future__ import annotations

from zlib import crc32

ONE_IN = 10
"""One value in this many is held out."""

_SALT = "canvas"


def is_held_out(family: str, value: str) -> bool:
    """Whether `value` of `family` is never trained on: a fixed function of both."""
    return crc32(f"{_SALT}/{family}/{value}".encode()) % ONE_IN == 0
