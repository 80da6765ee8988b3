"""A recording as a picture that moves by stylesheet alone; a viewer that moves nothing shows the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from rich.cells import cell_len

from dgchat.replay.film import FilmFrame, make_film
from dgchat.replay.palette import BOLD, ITALIC, UNDERLINED, Palette
from dgchat.replay.recording import Recording
from dgchat.safe_text import visible
from dgchat.ui.widgets.canvas_paint import Painted

CELL_WIDTH, ROW_HEIGHT, FONT_SIZE = 8.4, 20, 14
"""Pixels."""

PADDING = 20
_GUTTER_CELLS = 3
_FONTS = "ui-monospace, 'JetBrains Mono', 'Fira Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


@dataclass(frozen=True, slots=True)
class _Run:
    """A row that stays the same from one frame to before another."""

    y: int
    row: Painted
    first: int
    end: int


def as_svg(recording: Recording, palette: Palette) -> str:
    """The recording as an `.svg` file without scripts and without anything from elsewhere."""
    film = make_film(recording, palette)
    seconds = film[-1].begins + film[-1].seconds
    num_rows = max(len(frame.rows) for frame in film)
    width = round((palette.width + _GUTTER_CELLS) * CELL_WIDTH) + 2 * PADDING
    height = (num_rows + 4) * ROW_HEIGHT + 2 * PADDING
    prompt = visible(recording.prompt, newlines=False)
    runs = _runs(film, num_rows)
    moving = sorted({(run.first, run.end) for run in runs if run.end - run.first < len(film)})
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}" role="img">',
            f"<title>{escape(prompt)}</title>",
            f"<style>{_style(palette)}{''.join(_keyframes(film, span, seconds) for span in moving)}</style>",
            f'<rect width="100%" height="100%" rx="8" fill="{palette.background}"/>',
            _text((("muted", _shortened(prompt, palette.width)),), 0, ""),
            *(_text(run.row, run.y + 2, _classes(run, len(film))) for run in runs),
            "</svg>\n",
        ]
    )


def _runs(film: Sequence[FilmFrame], num_rows: int) -> list[_Run]:
    """Every row of every frame once for as long as it stays; the words below are the row after the last."""
    runs: list[_Run] = []
    for y in range(num_rows + 2):
        first, row = 0, _row_at(film[0], y, num_rows)
        for number in range(1, len(film) + 1):
            now = _row_at(film[number], y, num_rows) if number < len(film) else None
            if now != row:
                if row:
                    runs.append(_Run(y, row, first, number))
                first, row = number, now or ()
    return runs


def _row_at(frame: FilmFrame, y: int, num_rows: int) -> Painted:
    if y == num_rows + 1:
        return (("muted", frame.words),)
    return frame.rows[y] if y < len(frame.rows) else ()


def _text(row: Painted, y: int, classes: str) -> str:
    """One `text` element; each piece is put at its cell and stretched to its cells, whatever the font."""
    spans: list[str] = []
    cell = 0
    for name, text in row:
        cells = cell_len(text)
        if text.strip():
            x, length = PADDING + cell * CELL_WIDTH, cells * CELL_WIDTH
            spans.append(
                f'<tspan class="{name}" x="{x:.1f}" textLength="{length:.1f}">{escape(text)}</tspan>'
            )
        cell += cells
    where = f'y="{PADDING + y * ROW_HEIGHT + FONT_SIZE}"'
    return f'<text {where} xml:space="preserve"{classes}>{"".join(spans)}</text>'


def _classes(run: _Run, num_frames: int) -> str:
    if run.end - run.first == num_frames:
        return ""
    return f' class="m{" last" if run.end == num_frames else ""} r{run.first}-{run.end}"'


def _style(palette: Palette) -> str:
    rules = [f"text{{font:{FONT_SIZE}px {_FONTS};white-space:pre}}"]
    for name, colour in {**palette.colours, "muted": palette.muted}.items():
        marks = "".join(
            mark
            for names, mark in (
                (BOLD, ";font-weight:bold"),
                (ITALIC, ";font-style:italic"),
                (UNDERLINED, ";text-decoration:underline"),
            )
            if name in names
        )
        rules.append(f".{name}{{fill:{colour}{marks}}}")
    rules.append(
        ".m{visibility:hidden;animation-timing-function:step-end;animation-iteration-count:infinite}"
    )
    rules.append(".last{visibility:visible}")
    rules.append("@media (prefers-reduced-motion:reduce){.m{animation:none!important}}")
    return "\n".join(rules)


def _keyframes(film: Sequence[FilmFrame], span: tuple[int, int], seconds: float) -> str:
    first, end = span
    begins = film[first].begins / seconds * 100
    frames = [f"{begins:.3f}%{{visibility:visible}}"]
    if first > 0:
        frames.insert(0, "0%{visibility:hidden}")
    if end < len(film):
        frames.append(f"{film[end].begins / seconds * 100:.3f}%{{visibility:hidden}}")
    name = f"r{first}-{end}"
    rule = f".{name}{{animation-name:{name};animation-duration:{seconds:.3f}s}}"
    return f"\n{rule}@keyframes {name}{{{''.join(frames)}}}"


def _shortened(text: str, cells: int) -> str:
    while cell_len(text) > cells:
        text = text[: max(0, len(text) - 2)] + "…"
    return text
