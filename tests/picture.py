"""What a terminal shows, as text that can be read and compared: its rows, then how each cell is drawn.

In the second half each style has a letter, explained at the end; the commonest is a full stop. Colours have
the names that the theme gives them, or else their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from string import ascii_letters, digits

from rich.cells import cell_len
from rich.color import Color as TerminalColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from dgchat.ui.theme import ChatTheme

_LETTERS = ascii_letters + digits + "!#$%&*+-/=?@^~"
_ATTRIBUTES = ("bold", "dim", "italic", "underline", "strike", "reverse", "blink")


def picture_of(rows: Iterable[Iterable[Segment]], theme: ChatTheme) -> str:
    """The rows of a screen drawn in a theme."""
    names = _names(theme)
    texts: list[str] = []
    cells: list[list[str]] = []
    for row in rows:
        segments = list(row)
        texts.append("".join(segment.text for segment in segments).rstrip())
        cells.append([style for segment in segments for style in _styles(segment, names)])
    return "\n".join([*texts, "", *_drawn(cells), ""])


def _drawn(cells: Sequence[Sequence[str]]) -> list[str]:
    counts = Counter(style for row in cells for style in row)  # in the order of their first cells
    commonest = max(counts, key=lambda style: counts[style])
    rarer = [style for style in counts if style != commonest]
    letters = {commonest: ".", **dict(zip(rarer, _LETTERS, strict=False))}
    rows = ["".join(letters.get(style, "?") for style in row).rstrip(".") for row in cells]
    return [*rows, "", *(f"{letter} {style}" for style, letter in letters.items())]


def _styles(segment: Segment, names: Mapping[str, str]) -> Iterable[str]:
    """What is said of each cell; of a blank one only what can be seen of it."""
    style = segment.style or Style()
    for character in segment.text:
        is_seen = character != " " or style.underline or style.reverse or style.strike
        yield from [_described(style if is_seen else Style(bgcolor=style.bgcolor), names)] * cell_len(
            character
        )


def _described(style: Style, names: Mapping[str, str]) -> str:
    attributes = [name for name in _ATTRIBUTES if getattr(style, name)]
    front = [_named(style.color, names)] if style.color else []
    behind = ["on", _named(style.bgcolor, names)] if style.bgcolor else []
    return " ".join([*attributes, *front, *behind]) or "plain"


def _named(color: TerminalColor, names: Mapping[str, str]) -> str:
    if color.triplet is None:
        return color.name
    nearest = min(names, key=lambda known: _distance(known, color.triplet.hex), default=color.triplet.hex)
    return names[nearest] if _distance(nearest, color.triplet.hex) <= 1 else color.triplet.hex


def _distance(left: str, right: str) -> int:
    """How far two colours are apart in the channel in which they differ most; conversions lose up to one."""
    return max(abs(a - b) for a, b in zip(bytes.fromhex(left[1:]), bytes.fromhex(right[1:]), strict=True))


def _names(theme: ChatTheme) -> dict[str, str]:
    """Colour -> what the theme calls it, the first of its names."""
    names: dict[str, str] = {}
    for field in fields(theme):
        value = getattr(theme, field.name)
        if isinstance(value, str) and value.startswith("#"):
            names.setdefault(Color.parse(value).hex6.lower(), field.name)
        elif isinstance(value, tuple) and isinstance(value[0], str):
            for place, colour in enumerate(value):
                if colour.startswith("#"):
                    names.setdefault(Color.parse(colour).hex6.lower(), f"{field.name}-{place}")
    return names
