"""What fills the page before the first question: the name, out of noise, and what is being waited for."""

from __future__ import annotations

from random import Random
from time import monotonic

from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from dgchat.engine.events import EngineInfo
from dgchat.safe_text import visible
from dgchat.session.loading import Loading
from dgchat.ui.theme import ChatTheme

NAME = "dgchat"
PROMISE = "every word at once, sharper with every step"

LETTERS = (
    "   █             █           █  ",
    "▄▀▀█ ▄▀▀█ ▄▀▀▀   █▀▀▄ ▄▀▀█  ▀█▀▀",
    "▀▄▄█ ▀▄▄█ ▀▄▄▄   █  █ ▀▄▄█   █▄▄",
    "      ▄▄▀                       ",
)
"""The name in half blocks."""

_MIN_WIDTH = 48
_MIN_HEIGHT = 11
_FRAMES_PER_SECOND = 8
_SECONDS_TO_WAITING = 2.5
_WAITING_SHARE = 0.7
"""While the model loads, so much of the name settles, and no more."""
_SECONDS_TO_SETTLE = 0.6


class Welcome(Widget):
    """The name comes out of noise while the model loads; without motion it is just there."""

    def __init__(self, theme: ChatTheme, is_moving: bool, loading: Loading) -> None:
        super().__init__()
        self._loading = loading
        self._glyphs = theme.noise_glyphs
        self._is_moving = is_moving
        self._began = monotonic()
        self._concluded_at: float | None = None
        self._outcome = ""
        self._choice = ""
        self._frame = 0
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """Start moving, or at least counting seconds."""
        self._timer = self.set_interval(1 / _FRAMES_PER_SECOND if self._is_moving else 1.0, self._tick)

    def show_ready(self, info: EngineInfo, seconds: float) -> None:
        """The model is there, and the reader sees why this one if it was chosen for them."""
        self._choice = info.choice
        self._conclude(f"{info.model} on {info.device} · ready in {seconds:.1f} s")

    def show_failure(self) -> None:
        """There will be no model."""
        self._conclude("no model")

    def render(self) -> Content:
        """Name, promise and state; the stylesheet centres them."""
        is_roomy = self.size.width >= _MIN_WIDTH and self.size.height >= _MIN_HEIGHT
        rows = LETTERS if is_roomy else (" ".join(NAME),)
        outcome = self._outcome or self._loading.describe()
        below = self._choice if self._outcome else self._loading.plan
        return Content.assemble(
            *self._emerging(rows),
            "\n",
            (PROMISE, "$muted"),
            "\n\n" if is_roomy else "\n",
            (visible(outcome, newlines=False), "$foreground" if self._outcome else "$muted"),
            (f"\n{visible(below, newlines=False)}" if below else "", "$muted"),
        )

    def _conclude(self, outcome: str) -> None:
        self._outcome, self._concluded_at = outcome, monotonic()
        self.refresh()

    def _tick(self) -> None:
        self._frame += 1
        self.refresh()
        if self._settled_share() >= 1.0 and self._outcome and self._timer:
            self._timer.stop()

    def _settled_share(self) -> float:
        if not self._is_moving:
            return 1.0
        now = monotonic()
        share = min(_WAITING_SHARE, _WAITING_SHARE * (now - self._began) / _SECONDS_TO_WAITING)
        if self._concluded_at is not None:
            share += (now - self._concluded_at) / _SECONDS_TO_SETTLE
        return min(1.0, share)

    def _emerging(self, rows: tuple[str, ...]) -> list[tuple[str, str]]:
        share = self._settled_share()
        cells: list[tuple[str, str]] = []
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                if cell == " " or Random(x * 31 + y).random() < share:
                    cells.append((cell, "$accent"))
                else:
                    noise = Random(x * 31 + y + self._frame * 997).choice(self._glyphs)
                    cells.append((noise, "$noise"))
            cells.append(("\n", ""))
        return cells
