"""The steps of a recording as frames with times, for the formats that move by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from dgchat.replay.frames import Frames
from dgchat.replay.palette import Palette
from dgchat.replay.recording import Recording
from dgchat.ui.widgets.canvas_paint import Painted

LEAST_SECONDS = 1 / 12
"""A step that was faster than the eye is shown for so long."""

MOST_SECONDS = 1.0
"""A step that took longer is not waited for."""

CANVAS_PAUSE_SECONDS = 0.6
LAST_PAUSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class FilmFrame:
    rows: tuple[Painted, ...]
    """What is drawn."""
    words: str
    """What is said below it."""
    begins: float
    """Seconds from the beginning."""
    seconds: float
    """How long it stays."""


def make_film(recording: Recording, palette: Palette) -> list[FilmFrame]:
    """Every step once, as long as it took within bounds."""
    frames = Frames(recording, palette.entropy_levels, palette.noise_glyphs, palette.width)
    film: list[FilmFrame] = []
    begins = 0.0
    for index in range(len(recording.steps)):
        canvas, within = recording.places[index]
        rows = tuple(row.painted for row in frames.rows(index))
        num_steps, num_canvases = len(recording.canvases[canvas]), len(recording.canvases)
        seconds = seconds_of(recording, index)
        words = (
            f"canvas {canvas + 1}/{num_canvases} · step {within + 1}/{num_steps}"
            f" · {frames.settled_fraction:.0%} settled"
        )
        film.append(FilmFrame(rows, words, begins, seconds))
        begins += seconds
    return film


def seconds_of(recording: Recording, index: int) -> float:
    """How long a step is shown: as long as it took within bounds, and for a while if its canvas is done."""
    canvas, within = recording.places[index]
    if within < len(recording.canvases[canvas]) - 1:
        return min(max(recording.steps[index].seconds, LEAST_SECONDS), MOST_SECONDS)
    return CANVAS_PAUSE_SECONDS if canvas < len(recording.canvases) - 1 else LAST_PAUSE_SECONDS
