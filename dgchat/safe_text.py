"""The one place where untrusted text becomes text that can be shown.

A terminal obeys the bytes it is sent. Model output, prompts, file names and error messages are therefore
shown through `visible`, which puts one mark of one cell where a character would steer the terminal, hide, or
turn the line around. What is stored stays as it was.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

MARK: Final = "␦"
"""Stands for a character that has no picture of its own."""

TAB: Final = "    "
"""What a tab becomes where text may have lines."""

_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WIDTH_MODIFIERS = frozenset({0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)})
"""Variation selectors and skin tones: terminals disagree about the width they give, so they are left out."""

_INVISIBLE = frozenset({0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0)})
"""Letters and marks that draw nothing, and so can hide a message."""

_FEW = 64
"""Up to this many different characters are replaced one after the other, which is fastest."""


def visible(text: str, *, newlines: bool = True) -> str:
    """The text with a visible mark for every control, bidi, zero-width, surrogate or unassigned character.

    Idempotent, and character by character: shown pieces join to the shown whole. With `newlines` a newline
    stays and a tab becomes spaces; without, both get a mark, so that the result is one line.
    """
    if text.isascii() and text.isprintable():
        return text
    marks = {character: mark for character in set(text) if (mark := _shown(character, newlines)) != character}
    if len(marks) > _FEW:
        return "".join(marks.get(character, character) for character in text)
    for character, mark in marks.items():
        text = text.replace(character, mark)
    return text


@lru_cache(maxsize=4096)
def _shown(character: str, newlines: bool) -> str:
    code = ord(character)
    if newlines and character in "\n\t":
        return TAB if character == "\t" else character
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code in _WIDTH_MODIFIERS:
        return ""
    if code in _INVISIBLE or unicodedata.category(character) in _UNSHOWABLE:
        return MARK
    return character
