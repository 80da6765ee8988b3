"""What fills the page before the first question: the name, the model, and prompts to try."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from time import monotonic

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from dgchat.engine.events import EngineInfo
from dgchat.safe_text import visible
from dgchat.session.loading import Loading
from dgchat.session.offers import HOW_TO_GET_MORE, is_small, offers_for
from dgchat.ui.look import Look
from dgchat.ui.widgets.offer import Offer

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
_MIN_HEIGHT = 14
_FRAMES_PER_SECOND = 8
_CALM_FRAMES_PER_SECOND = 1
_SECONDS_TO_SETTLE = 2.5


class Welcome(Vertical):
    """Greets; the first time, and where things move, the name settles out of noise."""

    def __init__(
        self, look: Look, loading: Loading, offer_keys: Sequence[str], is_first: bool = False
    ) -> None:
        super().__init__()
        self._loading = loading
        self._offer_keys = offer_keys
        self._glyphs = look.theme.noise_glyphs
        self._is_calm = look.pace.is_calm
        self._settles_at = monotonic() + (_SECONDS_TO_SETTLE if is_first and not self._is_calm else 0.0)
        self._is_waiting = True
        self._frame = 0
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Name, promise, state; the offers come with the model."""
        yield Static(id="welcome-name")
        yield Static(Content(PROMISE), id="welcome-promise")
        yield Static(id="welcome-state")
        yield Static(id="welcome-note")

    def on_mount(self) -> None:
        """Start moving, or at least counting seconds."""
        rate = _CALM_FRAMES_PER_SECOND if self._is_calm else _FRAMES_PER_SECOND
        self._timer = self.set_interval(1 / rate, self._tick)
        self._tick()

    def on_resize(self) -> None:
        """Draw the name as large as there is room for."""
        self._draw_name()

    @property
    def offers(self) -> list[str]:
        """The prompts that are offered now."""
        return [offer.prompt for offer in self.query(Offer)]

    async def show_ready(self, info: EngineInfo, seconds: float) -> None:
        """The model is there: say which, why this one if it was chosen for the reader, and what to try."""
        note = info.choice or (HOW_TO_GET_MORE if is_small(info) else "")
        self._conclude(f"{info.model} on {info.device} · ready in {seconds:.1f} s", note)
        if not self.query(Offer):
            offers = zip(self._offer_keys, offers_for(info), strict=False)
            await self.mount_all(
                Offer(key, prompt, is_first=place == 0) for place, (key, prompt) in enumerate(offers)
            )

    def show_failure(self) -> None:
        """There will be no model."""
        self._conclude("no model", "")

    def skip(self) -> None:
        """Let the name be there at once."""
        self._settles_at = 0.0
        self._draw_name()

    def _conclude(self, state: str, note: str) -> None:
        self._is_waiting = False
        self._say(state, note)
        self.query_one("#welcome-state").add_class("-known")

    def _tick(self) -> None:
        self._frame += 1
        self._draw_name()
        if self._is_waiting:
            self._say(self._loading.describe(), self._loading.plan)
        elif self._settled_share() >= 1.0 and self._timer:
            self._timer.stop()

    def _say(self, state: str, note: str) -> None:
        self.query_one("#welcome-state", Static).update(Content(visible(state, newlines=False)))
        line = self.query_one("#welcome-note", Static)
        line.update(Content(visible(note, newlines=False)))
        line.display = bool(note)

    def _draw_name(self) -> None:
        is_roomy = self.size.width >= _MIN_WIDTH and self.size.height >= _MIN_HEIGHT
        rows = LETTERS if is_roomy else (" ".join(NAME),)
        self.set_class(not is_roomy, "-tight")
        self.query_one("#welcome-name", Static).update(Content.assemble(*self._emerging(rows)))

    def _settled_share(self) -> float:
        return min(1.0, max(0.0, 1.0 - (self._settles_at - monotonic()) / _SECONDS_TO_SETTLE))

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
            cells.append(("\n" if y < len(rows) - 1 else "", ""))
        return cells
