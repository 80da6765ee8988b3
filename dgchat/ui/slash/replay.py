"""The commands that look back at how an answer came to be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dgchat.session.commands import read_switch

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
        return {"alternatives": self._alternatives}

    async def _alternatives(self, argument: str) -> None:
        session = self._screen.session
        wanted = read_switch(argument, session.settings.alternatives)
        session.settings = replace(session.settings, alternatives=wanted)
        told = "the five likeliest tokens are recorded" if wanted else "alternatives are not recorded"
        self._screen.flash(f"{told}, from the next turn on")
