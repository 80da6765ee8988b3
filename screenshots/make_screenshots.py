"""Draws the pictures of the README: the chat on a real run of the bundled model, held at a middle step.

python screenshots/make_screenshots.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
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
from dgchat.settings import Settings
from dgchat.ui.run import make_app, make_session
from dgchat.ui.terminal import Terminal

PROMPT = "tell me a story"
SETTINGS = Settings(seed=7, theme="ember", pace="live")
SIZE = (100, 18)
PATIENCE_SECONDS = 120.0

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


async def take_pictures(folder: Path) -> None:
    """Write half-denoised.svg and answer.svg."""
    engine = HeldEngine(load_engine(bundled_model()))
    session = make_session(SETTINGS, lambda loading: engine)
    app = make_app(SETTINGS, session, Terminal(is_dumb=False, is_light=False, is_remote=False))
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: session.info is not None)
        await pilot.press(*("space" if letter == " " else letter for letter in PROMPT), "enter")
        try:
            await _until(pilot, engine.held.is_set)
            await pilot.pause(0.5)
            _write(folder / "half-denoised.svg", app.export_screenshot(title="dgchat"))
        finally:
            engine.release.set()
        await _until(pilot, lambda: bool(session.turns))
        await pilot.pause(1.0)
        _write(folder / "answer.svg", app.export_screenshot(title="dgchat"))


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
