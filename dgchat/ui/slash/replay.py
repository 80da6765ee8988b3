"""The commands that look back at how an answer came to be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dgchat.errors import UsageError
from dgchat.session.commands import read_number, read_switch
from dgchat.ui.current_app import current_app
from dgchat.ui.screens.replay import ReplayScreen

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class ReplayCommands:
    """What is recorded of an answer, and the ways to see it again."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {"alternatives": self._alternatives, "replay": self._replay, "heat": self._heat}

    async def _alternatives(self, argument: str) -> None:
        session = self._screen.session
        wanted = read_switch(argument, session.settings.alternatives)
        session.settings = replace(session.settings, alternatives=wanted)
        told = "the five likeliest tokens are recorded" if wanted else "alternatives are not recorded"
        self._screen.flash(f"{told}, from the next turn on")

    async def _replay(self, argument: str) -> None:
        self._open(argument, heat=False)

    async def _heat(self, argument: str) -> None:
        self._open(argument, heat=True)

    def _open(self, argument: str, *, heat: bool) -> None:
        screen = self._screen
        turns = [turn for turn in screen.session.turns if len(turn.trace)]
        if not turns:
            raise UsageError("There is no answer to replay yet.")
        number = read_number(argument, "The number of an answer", 1, len(turns)) if argument else len(turns)
        model = screen.session.info.model if screen.session.info else ""
        replay = ReplayScreen(turns, number - 1, screen.theme, screen.pace, heat, model)
        current_app(screen).push_screen(replay)
