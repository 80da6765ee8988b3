"""Where the denoising can be shown: stderr, if it is a terminal that can move its cursor."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from dgchat.settings import Settings
from dgchat.ui.pace import Pace
from dgchat.ui.terminal import Terminal

if TYPE_CHECKING:
    from dgchat.one_shot.watch import Watched


@dataclass(frozen=True, slots=True)
class Stage:
    stream: TextIO
    """What is drawn on."""
    has_screen: bool
    """Whether attributes and cursor movements mean anything there."""
    moves: bool
    """Whether the denoising is to be shown."""
    pace: Pace
    """How fast, at most."""

    @classmethod
    def of(cls, settings: Settings, err: TextIO) -> Stage:
        """What the settings ask for and the terminal can do."""
        terminal = Terminal.from_environment(os.environ)
        pace = Pace.of(settings, over_ssh=terminal.is_remote)
        has_screen = err.isatty() and not terminal.is_dumb
        return cls(err, has_screen, has_screen and pace.is_moving and not settings.plain, pace)

    def show(self, watched: Watched) -> None:
        """Run it in a thread, draw it until its last step has been seen, and leave nothing behind."""
        # they bring rich, and a pipe does without
        from dgchat.one_shot.canvas_lines import CanvasLines, noise_glyphs_for
        from dgchat.one_shot.printer import InPlacePrinter
        from dgchat.one_shot.watch import run_watched

        lines = CanvasLines(noise_glyphs_for(self.stream))
        run_watched(watched, InPlacePrinter(self.stream), lines, self.pace)
