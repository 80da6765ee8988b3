"""The fields of one line, each read as the kind it must be; a line may come from anywhere."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from enum import StrEnum
from math import isfinite
from typing import TypeVar, cast

from dgchat.errors import StreamError

Choice = TypeVar("Choice", bound=StrEnum)


class Fields:
    """A JSON object that nobody vouches for; each method raises StreamError if the field is not as asked."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        self.raw = raw

    def whole(self, name: str, least: int = 0) -> int:
        """A whole number, at least `least`."""
        value = self.raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._wrong(name, f"a whole number from {least}")
        return value

    def whole_or_null(self, name: str) -> int | None:
        """A whole number from 0, or null."""
        return None if self.raw.get(name, 0) is None else self.whole(name)

    def number(self, name: str) -> float:
        """A number that is neither negative nor infinite."""
        value = self.raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
            raise self._wrong(name, "a number from 0")
        return float(value)

    def text(self, name: str) -> str:
        """A string; what it holds is untrusted."""
        value = self.raw.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "text")
        return value

    def text_or_null(self, name: str) -> str | None:
        """A string, or null."""
        return None if self.raw.get(name, "") is None else self.text(name)

    def one_of(self, name: str, choices: type[Choice]) -> Choice:
        """One of an enumeration's values."""
        try:
            return choices(self.text(name))
        except ValueError as error:
            raise self._wrong(name, f"one of {', '.join(choices)}") from error

    def packed(self, name: str) -> bytes:
        """Bytes, written in base64."""
        try:
            return b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._wrong(name, "base64") from error

    def object(self, name: str) -> Fields:
        """An object in the object."""
        value = self.raw.get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Fields(cast("dict[str, object]", value))

    def spans(self, name: str, length: int) -> tuple[tuple[int, int, str], ...]:
        """Begin, end and text of spans of `length` positions, in order; none if there is no such field."""
        value = self.raw.get(name, [])
        wrong = self._wrong(name, "a list of spans: begin, end, text")
        if not isinstance(value, list):
            raise wrong
        spans: list[tuple[int, int, str]] = []
        for one in cast("list[object]", value):
            span = _span(one)
            if span is None or not (spans[-1][1] if spans else 0) <= span[0] < span[1] <= length:
                raise wrong
            spans.append(span)
        return tuple(spans)

    def _wrong(self, name: str, wanted: str) -> StreamError:
        return StreamError(f"its {name} is not {wanted}" if name in self.raw else f"it has no {name}")


def _span(value: object) -> tuple[int, int, str] | None:
    match value:
        case [int(begin), int(end), str(text)] if not isinstance(begin, bool) and not isinstance(end, bool):
            return begin, end, text
        case _:
            return None
