"""A chat over a scripted engine, driven by key presses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import pytest
from textual.pilot import Pilot

from dgchat.session.loading import EngineLoader
from dgchat.session.session import Session
from dgchat.settings import Settings
from dgchat.ui.app import DgchatApp
from dgchat.ui.run import make_app, make_session
from dgchat.ui.terminal import Terminal
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.key_hints import KeyHints
from dgchat.ui.widgets.prompt_box import PromptBox
from scripted_engine import ScriptedEngine

PATIENCE_SECONDS = 30.0
PLAIN_TERMINAL = Terminal(is_dumb=False, is_light=False, is_remote=False)


@dataclass
class Chat:
    """What a test does with a running chat."""

    app: DgchatApp
    pilot: Pilot[None]
    session: Session

    @property
    def box(self) -> PromptBox:
        return self.app.chat.query_one(PromptBox)

    @property
    def answers(self) -> list[AnswerView]:
        return list(self.app.chat.query(AnswerView))

    @property
    def hint(self) -> str:
        return self.app.chat.query_one(KeyHints).message

    @property
    def said(self) -> str:
        """Everything in the transcript that is a plain text, and the figures of its answers."""
        widgets = self.app.chat.query("#messages Static, #messages AnswerLabel")
        return "\n".join(str(widget.render()) for widget in widgets)

    @property
    def screen_text(self) -> str:
        """What stands on the terminal, row by row."""
        rows = self.app.screen._compositor.render_strips()
        return "\n".join(row.text for row in rows)

    async def type(self, text: str) -> None:
        await self.pilot.press(*("space" if letter == " " else letter for letter in text))

    async def send(self, text: str) -> None:
        self.box.replace_text(text)
        await self.pilot.press("enter")

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; fails when it does not within a generous time."""
        deadline = monotonic() + PATIENCE_SECONDS
        while not holds():
            assert monotonic() < deadline, f"waited in vain before\n{self.screen_text}"
            await self.pilot.pause(0.01)

    async def until_settled(self, num_answers: int = 1) -> None:
        await self.until(lambda: sum(view.is_settled for view in self.answers) == num_answers)


OpenChat = Callable[..., AbstractAsyncContextManager[Chat]]


@pytest.fixture
def open_chat(tmp_path, monkeypatch) -> OpenChat:
    monkeypatch.setenv("DGCHAT_CONFIG_DIR", str(tmp_path))

    @asynccontextmanager
    async def open_it(
        engine: ScriptedEngine | EngineLoader,
        settings: Settings | None = None,
        size: tuple[int, int] = (80, 24),
        loaded: bool = True,
    ) -> AsyncIterator[Chat]:
        loader = (lambda loading: engine) if isinstance(engine, ScriptedEngine) else engine
        settings = settings or Settings(pace="live")
        session = make_session(settings, loader)
        app = make_app(settings, session, PLAIN_TERMINAL)
        async with app.run_test(size=size) as pilot:
            chat = Chat(app, pilot, session)
            await pilot.pause()
            if loaded:
                await chat.until(lambda: session.info is not None)
            yield chat
        session.close()

    return open_it
