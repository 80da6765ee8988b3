"""A chat on which nothing moves by itself: time stands still, steps come when they are called."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from dgchat.session.loading import Loading
from dgchat.settings import Settings
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.key_hints import KeyHints
from dgchat.ui.widgets.live_canvas import LiveCanvas
from picture import picture_of
from scripted_engine import ScriptedEngine
from stepwise_engine import StepwiseEngine

PICTURES = Path(__file__).parent / "ui" / "pictures"
IS_UPDATING = bool(os.environ.get("UPDATE_PICTURES"))
"""Whether the pictures are taken anew rather than compared."""

NOON = 1_773_144_000.0
"""10 March 2026, 12:00 UTC."""
FRAMES_PER_SECOND = 60
STEP_SECONDS = 0.5
"""As slow as a step may be drawn: none is left out."""
_SAME_PICTURES = 8
"""So many in a row are the same before one is kept."""
_CLOCKS = (
    "dgchat.ui.engine_thread",
    "dgchat.ui.interrupts",
    "dgchat.ui.widgets.answer_view",
    "dgchat.ui.widgets.live_canvas",
    "dgchat.ui.widgets.page",
    "dgchat.ui.widgets.slider",
    "dgchat.ui.widgets.welcome",
)


@dataclass
class StoppedTime:
    """The clocks of the program, which only a test moves on."""

    now: float = 1000.0
    """Seconds since something."""
    wall: float = NOON
    """Seconds since 1970."""

    def hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let everything on the screen read these clocks."""
        for module in _CLOCKS:
            monkeypatch.setattr(f"{module}.monotonic", lambda: self.now)
        monkeypatch.setattr(Loading.__init__, "__defaults__", ("loading", lambda: self.now))
        for module in ("dgchat.ui.screens.picker", "dgchat.session.store.rows"):
            monkeypatch.setattr(f"{module}.time", lambda: self.wall)
        monkeypatch.setattr("dgchat.ui.widgets.key_hints.FLASH_SECONDS", 600.0)
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()


@dataclass
class Stage:
    """What a scene does with a chat, and the picture that is taken in the end."""

    open_chat: Callable[..., Any]
    size: tuple[int, int]
    theme: str
    time: StoppedTime
    exits: AsyncExitStack
    chat: Any = None
    _engines: list[StepwiseEngine] = field(default_factory=list)

    async def open(self, script: ScriptedEngine | None = None, **settings: object) -> None:
        """Open a chat whose model is there."""
        engine = StepwiseEngine(script or ScriptedEngine())
        self._engines.append(engine)
        await self.open_with(lambda loading: engine, **settings)
        self.time.now += 5
        await self.chat.until(lambda: "ready in" in self.chat.screen_text)

    async def open_with(self, loader: Callable[[Loading], Any], **settings: object) -> None:
        """Open a chat that may wait for its model."""
        chosen = {"pace": "live", "fps": FRAMES_PER_SECOND, "seed": 7, "theme": self.theme, **settings}
        is_there = bool(self._engines)
        chat = self.open_chat(loader, Settings(**chosen), size=self.size, loaded=is_there)
        self.chat = await self.exits.enter_async_context(chat)

    async def ask(self, prompt: str, steps: int) -> None:
        """Send a prompt and go on to that step of its answer."""
        await self.chat.send(prompt)
        await self.chat.until(lambda: bool(self.chat.app.screen.query(AnswerView)))
        await self._until_there_is_room()
        for _ in range(steps):
            await self._step()

    async def answer(self, prompt: str) -> None:
        """Send a prompt and go on to the end of its answer."""
        num_before = len(self.chat.answers)
        await self.chat.send(prompt)
        await self.chat.until(lambda: len(self.chat.answers) > num_before)
        await self.finish()

    async def finish(self) -> None:
        """Draw what is left of an answer, step by step."""
        view = self._view
        await self._until_there_is_room()
        while not view.is_settled:
            await self._step()

    async def press(self, *keys: str) -> None:
        await self.chat.pilot.press(*keys)
        await self.chat.pilot.pause()

    async def until(self, text: str) -> None:
        """Wait for something to stand on the screen."""
        await self.chat.until(lambda: text in self.chat.screen_text)

    def hush(self) -> None:
        """Let the bottom line name its keys again."""
        self.chat.app.chat.query_one(KeyHints).clear()

    async def expect(self, name: str) -> None:
        """Wait until the screen is as in the picture; or take it, if pictures are taken."""
        path = PICTURES / f"{name}.txt"
        if IS_UPDATING:
            path.parent.mkdir(exist_ok=True)
            path.write_text(await self._picture_at_rest(), encoding="utf-8")
            return
        wanted = path.read_text(encoding="utf-8")
        try:
            await self.chat.until(lambda: self._picture() == wanted)
        except AssertionError:
            assert self._picture() == wanted, f"not as in {path.name}; UPDATE_PICTURES=1 takes it anew"

    @property
    def _view(self) -> AnswerView:
        return list(self.chat.app.screen.query(AnswerView))[-1]

    def go(self) -> None:
        """Let the engine go on."""
        self._engines[-1].go()

    async def _until_there_is_room(self) -> None:
        """A step that is drawn before the canvas has its width is laid out in one column."""
        view = self._view
        await self.chat.until(lambda: view.is_settled or view.query_one(LiveCanvas).size.width > 0)

    async def _step(self) -> None:
        """Time passes once the step is there: a frame in between would be one more drawing of the last."""
        view = self._view
        num_drawn, num_steps = view.num_drawn_steps, len(view.turn.trace)
        self._engines[-1].go()
        await self.chat.until(lambda: len(view.turn.trace) > num_steps or view.turn.is_over)
        if num_steps:
            self.time.now += STEP_SECONDS
        await self.chat.until(lambda: view.num_drawn_steps > num_drawn or view.is_settled)
        await self.chat.until(lambda: view.is_settled or _is_laid_out(view.query_one(LiveCanvas)))
        await self.chat.pilot.pause()  # a scroll bar that has come makes the canvas narrower

    def _picture(self) -> str:
        app = self.chat.app
        for line in app.screen.query(Input):
            line.cursor_blink = False
        return picture_of(app.screen._compositor.render_strips(), app._look.theme)

    async def _picture_at_rest(self) -> str:
        num_same, picture = 0, ""
        for _ in count():
            await self.chat.pilot.pause(0.05)
            before, picture = picture, self._picture()
            num_same = num_same + 1 if picture == before else 0
            if num_same == _SAME_PICTURES:
                break
        return picture


def _is_laid_out(canvas: LiveCanvas) -> bool:
    """Whether it has got the height that it asked for; an answer that ends earlier holds another one."""
    asked = canvas.styles.height
    return asked is not None and canvas.size.height == asked.value
