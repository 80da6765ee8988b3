"""`dgchat replay`: a recording in any terminal, played in place, in words, or written to a file."""

from __future__ import annotations

import os
import time
from typing import TextIO

from dgchat.one_shot.canvas_lines import CanvasLines, noise_glyphs_for
from dgchat.one_shot.output import as_text
from dgchat.one_shot.printer import InPlacePrinter, Line
from dgchat.replay.canvas_history import CanvasHistory
from dgchat.replay.export import export_recording
from dgchat.replay.film import seconds_of
from dgchat.replay.palette import DEFAULT_PALETTE
from dgchat.replay.recording import Recording, settled_text
from dgchat.replay.source import find_recording
from dgchat.safe_text import visible
from dgchat.settings import Settings
from dgchat.ui.pace import Pace
from dgchat.ui.terminal import Terminal

_INTERRUPTED = 130


def run_replay(
    source: str, settings: Settings, export: str | None, *, reads: TextIO, out: TextIO, err: TextIO
) -> int:
    """Show the recording on `err` and its answer on `out`; returns the exit code; UsageError if it is bad."""
    recording = find_recording(source, reads)
    if export is not None:
        out.write(f"{visible(str(export_recording(recording, export, DEFAULT_PALETTE)), newlines=False)}\n")
        return 0
    terminal = Terminal.from_environment(os.environ)
    pace = Pace.of(settings, over_ssh=terminal.is_remote)
    if settings.plain or terminal.is_dumb:
        out.write(in_words(recording))
        return 0
    if err.isatty() and pace.is_moving:
        try:
            _play(recording, InPlacePrinter(err), CanvasLines(noise_glyphs_for(err)), pace)
        except KeyboardInterrupt:
            return _INTERRUPTED
    out.write(as_text(recording.text, out.isatty()))
    return 0


def in_words(recording: Recording) -> str:
    """What a screen reader can read out: each canvas once it had settled, and how many tokens wavered."""
    parts = [f"You: {visible(recording.prompt)}\n"]
    count = len(recording.canvases)
    for number, canvas in enumerate(recording.canvases, start=1):
        steps = "1 step" if len(canvas) == 1 else f"{len(canvas)} steps"
        parts.append(f"Canvas {number} of {count}, {steps}:\n{visible(settled_text(canvas)).strip()}\n")
        changed = len(CanvasHistory(canvas).minds_changed)
        parts.append(f"{changed} {'token' if changed == 1 else 'tokens'} changed in between.\n")
    return "".join(parts)


def _play(recording: Recording, printer: InPlacePrinter, canvas: CanvasLines, pace: Pace) -> None:
    try:
        for index, step in enumerate(recording.steps):
            now = time.monotonic()
            canvas.observe(step, now)
            number, within = recording.places[index]
            words = (
                f"canvas {number + 1}/{len(recording.canvases)}"
                f" · step {within + 1}/{len(recording.canvases[number])}"
                f" · {canvas.settled_fraction:.0%} settled"
            )[: printer.columns]
            printer.draw([*canvas.lines(printer.columns, now), Line(f"\x1b[2m{words}\x1b[0m", len(words))])
            is_last = index == len(recording.steps) - 1
            seconds = 0.0 if is_last else seconds_of(recording, index)
            time.sleep(max(seconds, 1 / pace.frames_per_second))
    finally:
        printer.clear()
