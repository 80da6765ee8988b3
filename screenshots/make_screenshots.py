"""Draws the pictures: the chat on real runs of the bundled model, held at a middle step, and one that moves.

python screenshots/make_screenshots.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Flag

from textual.pilot import Pilot

from dgchat.api import load_engine
from dgchat.engine.events import (
    CancelSignal,
    CanvasStep,
    Engine,
    EngineInfo,
    Event,
    EventListener,
    Finished,
    GenerationRequest,
)
from dgchat.paths import bundled_model
from dgchat.replay.export import export_recording
from dgchat.replay.palette import DEFAULT_PALETTE
from dgchat.replay.recording import Recording
from dgchat.session.session import Session
from dgchat.settings import Settings
from dgchat.ui.app import DgchatApp
from dgchat.ui.run import make_app, make_session
from dgchat.ui.terminal import Terminal

PROMPT = "tell me a story"
SETTINGS = Settings(seed=7, theme="ember", pace="live", save=False, alternatives=True)
TERMINAL = Terminal(is_dumb=False, is_light=False, is_remote=False)
PATIENCE_SECONDS = 120.0
USUAL, WIDE, SMALL = (100, 18), (140, 22), (80, 24)
COMPARED_STEPS = 6
_KEY_OF = {" ": "space", "/": "slash"}

HALF_DENOISED = 0.5
"""Of the first step's mean entropy: the picture is taken when the canvas has fallen below this."""


@dataclass
class HeldEngine:
    """An engine whose first half-denoised step stays until `release` is set."""

    engine: Engine
    held: Flag = field(default_factory=Flag)
    release: Flag = field(default_factory=Flag)

    def info(self) -> EngineInfo:
        return self.engine.info()

    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        first: list[float] = []

        def hold(event: Event) -> None:
            on_event(event)
            if isinstance(event, CanvasStep):
                first.append(event.mean_entropy)
                if event.mean_entropy < HALF_DENOISED * first[0] and not self.held.is_set():
                    self.held.set()
                    self.release.wait()

        return self.engine.generate(request, hold, cancelled)


class Photographer:
    """One chat of a size, and where its pictures go."""

    def __init__(self, app: DgchatApp, session: Session, engine: HeldEngine, folder: Path) -> None:
        self.app, self.session, self.engine, self.folder = app, session, engine, folder
        self.pilot: Pilot[None]

    async def ask(self, text: str) -> None:
        """Type and send."""
        await self.pilot.press(*(_KEY_OF.get(letter, letter) for letter in text), "enter")

    async def press(self, *keys: str) -> None:
        """Press keys, and let the screen follow."""
        await self.pilot.press(*keys)
        await self.pilot.pause(0.5)

    async def take(self, name: str) -> None:
        """The screen as it is."""
        await self.pilot.pause(0.5)
        _write(self.folder / name, self.app.export_screenshot(title="dgchat"))

    async def take_half_denoised(self, name: str) -> None:
        """The story while it is held at a middle step; afterwards it settles."""
        await self.ask(PROMPT)
        try:
            await _until(self.pilot, self.engine.held.is_set)
            await self.take(name)
        finally:
            self.engine.release.set()
        await _until(self.pilot, lambda: bool(self.session.turns))
        await self.pilot.pause(1.0)


@asynccontextmanager
async def chat(
    engine: Engine, folder: Path, size: tuple[int, int], theme: str = "ember"
) -> AsyncIterator[Photographer]:
    """A chat over the bundled model, ready to be asked."""
    held = HeldEngine(engine)
    settings = replace(SETTINGS, theme=theme)
    session = make_session(settings, lambda loading: held)
    app = make_app(settings, session, TERMINAL)
    photographer = Photographer(app, session, held, folder)
    async with app.run_test(size=size) as pilot:
        photographer.pilot = pilot
        await _until(pilot, lambda: session.info is not None)
        yield photographer


async def take_pictures(folder: Path) -> None:
    """Every picture, and the animation of one answer."""
    engine = load_engine(bundled_model())
    async with chat(engine, folder, USUAL) as usual:
        await usual.take_half_denoised("half-denoised.svg")
        await usual.take("answer.svg")
        await usual.press("alt+r", *["left"] * 8)
        await usual.take("replay.svg")
        await usual.press("end", "left", "left", "h")  # the last step of the first canvas
        await usual.take("heat.svg")
        await usual.press("h", "i")
        await usual.take("inspector.svg")
        await usual.press("escape", "escape")
        await usual.ask(f"/retry {COMPARED_STEPS}")
        await _until(usual.pilot, lambda: usual.session.running is None)
        await usual.take("compare.svg")
        (folder / "denoising.svg").unlink(missing_ok=True)
        recording = Recording.of(usual.session.turns[0], "nano")
        print(export_recording(recording, str(folder / "denoising.svg"), DEFAULT_PALETTE))
    async with chat(engine, folder, WIDE) as wide:
        await wide.take_half_denoised("wide.svg")
    async with chat(engine, folder, SMALL, "paper") as light:
        await light.take_half_denoised("light-80x24.svg")


async def _until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await pilot.pause(0.05)


def _write(path: Path, svg: str) -> None:
    """The picture without its web fonts: it is shown where nothing may be fetched."""
    path.write_text(re.sub(r"@font-face\s*{[^}]*}\s*", "", svg), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    asyncio.run(take_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent))
