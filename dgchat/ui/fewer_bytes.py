"""The same picture in fewer bytes: the terminal is told only how a style differs from the last.

Textual resets the style after every run of text and spells the next one out, background and all: two thirds of
what a moving canvas costs. Every write begins and ends with the style it would have had, so nothing has to be
remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_SEQUENCES = re.compile(r"\x1b\[([0-9;]*)([mH])")
"""How to draw, and where."""

_OFF = {1: 22, 2: 22, 3: 23, 4: 24, 5: 25, 6: 25, 7: 27, 8: 28, 9: 29, 21: 24, 51: 54, 52: 54, 53: 55}
"""What ends each attribute; 22, 24, 25 and 54 end two at once."""

_SEEN_ON_SPACES = frozenset({4, 5, 6, 7, 9, 21, 51, 52, 53})
"""Attributes that show where there is no letter."""


class _Style(NamedTuple):
    attributes: frozenset[int] = frozenset()
    foreground: str = ""
    background: str = ""


_PLAIN = _Style()


def fewer_bytes(written: str) -> str:
    """What draws the same, from the plain style to whatever style the original ends with."""
    if "\x1b[" not in written:
        return written
    pieces: list[str] = []
    wanted = shown = _PLAIN
    begin = 0
    for match in _SEQUENCES.finditer(written):
        if text := written[begin : match.start()]:
            shown = _draw(pieces, text, shown, wanted)
        begin = match.end()
        if match[2] == "m":
            wanted = _applied(wanted, match[1])
        else:
            pieces.append(match[0])
    if text := written[begin:]:
        shown = _draw(pieces, text, shown, wanted)
    pieces.append(_change(shown, wanted))
    return "".join(pieces)


def _draw(pieces: list[str], text: str, shown: _Style, wanted: _Style) -> _Style:
    """Add the text and, where that can be seen on it, the change of style; returns the style now."""
    if text == "\n":  # between two rows, each of which says where it begins
        return shown
    if not text.strip(" ") and _looks_same_on_spaces(shown, wanted):
        pieces.append(text)
        return shown
    pieces += (_change(shown, wanted), text)
    return wanted


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
