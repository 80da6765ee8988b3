"""A new size of the terminal costs one layout of the chat, and nothing else is laid out for it."""

from __future__ import annotations

import pytest
from textual.geometry import Size
from textual.screen import Screen

from scripted_engine import ScriptedEngine


async def test_a_new_size_is_followed_once_and_by_the_chat_alone(open_chat, monkeypatch: pytest.MonkeyPatch):
    followed: list[tuple[str, Size]] = []
    lay_out = Screen._refresh_layout

    def watched(screen: Screen, size: Size | None = None, scroll: bool = False) -> None:
        if size is not None:
            followed.append((type(screen).__name__, size))
        lay_out(screen, size, scroll)

    async with open_chat(ScriptedEngine()) as chat:
        monkeypatch.setattr(Screen, "_refresh_layout", watched)
        await chat.pilot.resize_terminal(101, 31)
        await chat.until(lambda: Size(101, 31) in dict(followed).values())
        await chat.pilot.pause()
        assert followed == [("ChatScreen", Size(101, 31))]
