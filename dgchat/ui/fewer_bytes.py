"""The same picture in fewer bytes: the terminal is told only what differs.

Textual resets the style after every run of text and spells the next one out, background and all: two thirds of
what a moving canvas costs. And it sends a row from its beginning, however late in it the change is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

_SEQUENCES = re.compile(r"\x1b\[([0-9;]*)([mH])")
"""How to draw, and where."""

_PLACE = re.compile(r"\x1b\[(\d+);(\d+)H")

_NARROW = re.compile(r"[\x20-\x7e\xa1-\xac\xae-\u02ff\u2500-\u259f]*")
"""Characters about whose width no terminal has another opinion."""

_OFF = {1: 22, 2: 22, 3: 23, 4: 24, 5: 25, 6: 25, 7: 27, 8: 28, 9: 29, 21: 24, 51: 54, 52: 54, 53: 55}
"""What ends each attribute; 22, 24, 25 and 54 end two at once."""

_SEEN_ON_SPACES = frozenset({4, 5, 6, 7, 9, 21, 51, 52, 53})
"""Attributes that show where there is no letter."""


class _Style(NamedTuple):
    attributes: frozenset[int] = frozenset()
    foreground: str = ""
    background: str = ""


_PLAIN = _Style()


Run = tuple[_Style, str]


class _Span(NamedTuple):
    place: str
    """The sequence that moves the cursor to where it begins; empty for what is written where the cursor is."""
    runs: tuple[Run, ...]


class Picture:
    """The last picture that was sent, so that the next one can leave out what it has in common with it."""

    def __init__(self) -> None:
        self._spans: dict[str, tuple[Run, ...]] = {}

    def forget(self) -> None:
        """Something else has been drawn since: the next picture is sent whole."""
        self._spans = {}

    def update(self, written: str) -> str:
        """What makes this picture of the last one."""
        spans, wanted = _read(written)
        changed = [_without_beginning(span, self._spans.get(span.place, ())) for span in spans]
        self._spans = {span.place: span.runs for span in spans if span.place}
        return _write(changed, wanted)


def fewer_bytes(written: str) -> str:
    """What draws the same, from the plain style to whatever style the original ends with."""
    return _write(*_read(written))


def _read(written: str) -> tuple[list[_Span], _Style]:
    """The runs of text from place to place, and the style in the end."""
    spans: list[_Span] = []
    place, runs = "", list[Run]()
    style, begin = _PLAIN, 0
    for match in _SEQUENCES.finditer(written):
        if begin < match.start():
            runs.append((style, written[begin : match.start()]))
        begin = match.end()
        if match[2] == "m":
            style = _applied(style, match[1])
        else:
            spans.append(_Span(place, tuple(runs)))
            place, runs = match[0], []
    if begin < len(written):
        runs.append((style, written[begin:]))
    spans.append(_Span(place, tuple(runs)))
    return spans, style


def _write(spans: Iterable[_Span], wanted: _Style) -> str:
    pieces: list[str] = []
    shown = _PLAIN
    for place, runs in spans:
        pieces.append(place)
        for style, text in runs:
            if place and text == "\n":  # between two rows, each of which says where it begins
                continue
            if text.strip(" ") or not _looks_same_on_spaces(shown, style):
                pieces.append(_change(shown, style))
                shown = style
            pieces.append(text)
    pieces.append(_change(shown, wanted))
    return "".join(pieces)


def _without_beginning(span: _Span, before: tuple[Run, ...]) -> _Span:
    """What is left of a span behind the runs it begins with as it did before."""
    common, cells = 0, 0
    for old, new in zip(before, span.runs, strict=False):
        if old != new or not _NARROW.fullmatch(new[1]):
            break
        common, cells = common + 1, cells + cell_len(new[1])
    place = _PLACE.fullmatch(span.place)
    if not cells or place is None or not span.runs[common:]:
        return span
    return _Span(f"\x1b[{place[1]};{int(place[2]) + cells}H", span.runs[common:])


@lru_cache(maxsize=1024)
def _looks_same_on_spaces(one: _Style, other: _Style) -> bool:
    return one.background == other.background and not (one.attributes | other.attributes) & _SEEN_ON_SPACES


@lru_cache(maxsize=1024)
def _applied(style: _Style, parameters: str) -> _Style:
    """The style after one `CSI ... m`."""
    numbers = parameters.split(";")
    attributes, foreground, background = set(style.attributes), style.foreground, style.background
    while numbers:
        number = int(numbers.pop(0) or 0)
        if number == 0:
            attributes, foreground, background = set[int](), "", ""
        elif number in (38, 48):
            length = 4 if numbers[:1] == ["2"] else 2
            colour = ";".join((str(number), *numbers[:length]))
            del numbers[:length]
            foreground, background = (colour, background) if number == 38 else (foreground, colour)
        elif 30 <= number <= 39 or 90 <= number <= 97:
            foreground = "" if number == 39 else str(number)
        elif 40 <= number <= 49 or 100 <= number <= 107:
            background = "" if number == 49 else str(number)
        elif number in _OFF:
            attributes.add(number)
        else:
            attributes = {attribute for attribute in attributes if _OFF[attribute] != number}
    return _Style(frozenset(attributes), foreground, background)


@lru_cache(maxsize=4096)
def _change(before: _Style, after: _Style) -> str:
    """The shortest sequence from one style to the other."""
    if before == after:
        return ""
    if after == _PLAIN:
        return "\x1b[m"
    ended = {_OFF[attribute] for attribute in before.attributes - after.attributes}
    kept = {attribute for attribute in before.attributes if _OFF[attribute] not in ended}
    codes = [*map(str, sorted(ended)), *map(str, sorted(after.attributes - kept))]
    if after.foreground != before.foreground:
        codes.append(after.foreground or "39")
    if after.background != before.background:
        codes.append(after.background or "49")
    return f"\x1b[{';'.join(codes)}m"
