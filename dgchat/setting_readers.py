"""What a raw value (of a flag, a variable or TOML) means as a setting; ValueError says what was expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches

Reader = Callable[[object], object]
"""Turns a raw value into a setting."""

MAX_KEEP_SECONDS = 7 * 24 * 3600
"""The longest that a model stays loaded for nobody."""

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}
_MAX_DIGITS = 10

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def whole(low: int, high: int) -> Reader:
    """A whole number of that range."""

    def read(raw: object) -> int:
        wanted = f"a whole number from {low} to {high}"
        if isinstance(raw, bool) or not isinstance(raw, int | str):
            raise ValueError(wanted)
        try:
            number = int(raw)
        except ValueError as error:
            raise ValueError(wanted) from error
        if not low <= number <= high:
            raise ValueError(wanted)
        return number

    return read


def real(low: float, high: float) -> Reader:
    """A number of that range."""

    def read(raw: object) -> float:
        wanted = f"a number from {low:g} to {high:g}"
        if isinstance(raw, bool) or not isinstance(raw, int | float | str):
            raise ValueError(wanted)
        try:
            number = float(raw)
        except ValueError as error:
            raise ValueError(wanted) from error
        if not low <= number <= high:  # nan is not
            raise ValueError(wanted)
        return number

    return read


def one_of(*names: str) -> Reader:
    """One of a few names."""

    def read(raw: object) -> str:
        if not isinstance(raw, str) or raw not in names:
            raise ValueError(f"one of {', '.join(names)}{_did_you_mean(str(raw), names)}")
        return raw

    return read


def duration(raw: object) -> int:
    """Whole seconds, of `90s`, `10m`, `2h` or a number of seconds."""
    wanted = f"a time up to {MAX_KEEP_SECONDS // 3600}h, such as 90s, 10m or 2h"
    text = str(raw).strip() if isinstance(raw, int | str) and not isinstance(raw, bool) else ""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNIT_SECONDS else (text, "s")
    if not (number.isascii() and number.isdigit() and len(number) < _MAX_DIGITS):
        raise ValueError(wanted)
    seconds = int(number) * _UNIT_SECONDS[unit]
    if seconds > MAX_KEEP_SECONDS:
        raise ValueError(wanted)
    return seconds


def any_text(raw: object) -> str:
    """A text, empty or not."""
    if not isinstance(raw, str):
        raise ValueError("text")
    return raw


def any_name(raw: object) -> str:
    """A text with something in it."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("a name")
    return raw


def switch(raw: object) -> bool:
    """On or off, by any of their names."""
    if isinstance(raw, bool):
        return raw
    lowered = str(raw).lower()
    if lowered not in _TRUE | _FALSE:
        raise ValueError("true or false")
    return lowered in _TRUE


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be."""
    matches = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    nearest = nearest_name(name, known)
    return f"; did you mean {nearest}?" if nearest else ""
