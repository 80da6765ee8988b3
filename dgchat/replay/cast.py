"""A recording as asciinema v2: terminal output with times, made from frames, never from a terminal."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from dgchat.one_shot.printer import InPlacePrinter, Line
from dgchat.replay.film import make_film
from dgchat.replay.palette import BOLD, ITALIC, UNDERLINED, Palette
from dgchat.replay.recording import Recording
from dgchat.safe_text import visible
from dgchat.ui.widgets.canvas_paint import Painted

_MARGIN = 4
"""Cells beside the text: gutter, and the column that is left free so that no terminal wraps."""


def as_cast(recording: Recording, palette: Palette) -> str:
    """The recording as a `.cast` file."""
    film = make_film(recording, palette)
    width, height = palette.width + _MARGIN, max(len(frame.rows) for frame in film) + 4
    prompt = visible(recording.prompt, newlines=False)
    head = {
        "version": 2,
        "width": width,
        "height": height,
        "title": prompt,
        "theme": {"fg": palette.text, "bg": palette.background, "palette": _palette(palette)},
    }
    stream = io.StringIO()
    printer = InPlacePrinter(stream, size=lambda: os.terminal_size((width, height)))
    asked = _line([("muted", set_cell_size(prompt, min(cell_len(prompt), palette.width)))], palette)
    events: list[tuple[float, str, str]] = []
    for frame in film:
        lines = [asked, Line("", 0), *(_line(row, palette) for row in frame.rows), Line("", 0)]
        printer.draw([*lines, _line([("muted", frame.words)], palette)])
        events.append((round(frame.begins, 3), "o", stream.getvalue().replace("\n", "\r\n")))
        stream.seek(0)
        stream.truncate()
    events.append((round(film[-1].begins + film[-1].seconds, 3), "o", ""))
    return "".join(json.dumps(line) + "\n" for line in (head, *events))


def _line(row: Painted | list[tuple[str, str]], palette: Palette) -> Line:
    colours = {**palette.colours, "muted": palette.muted}
    text = "".join(f"\x1b[{_attributes(name, colours[name])}m{text}" for name, text in row)
    return Line(f"{text}\x1b[0m" if text else "", sum(cell_len(text) for _, text in row))


def _attributes(name: str, colour: str) -> str:
    codes: Iterable[tuple[frozenset[str], str]] = ((BOLD, "1"), (ITALIC, "3"), (UNDERLINED, "4"))
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return ";".join(["0", *(code for names, code in codes if name in names), f"38;2;{red};{green};{blue}"])


def _palette(palette: Palette) -> str:
    """Eight colours, which the format asks for; none of them is used."""
    return ":".join([palette.background, *palette.heat, palette.muted, palette.text])
