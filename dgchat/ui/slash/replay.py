"""The commands that palette back at how an answer came to be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dgchat.errors import UsageError
from dgchat.replay.export import export_recording, free_name
from dgchat.replay.recording import Recording
from dgchat.session.commands import read_number
from dgchat.session.last_turn import last_turn
from dgchat.session.turn import Turn
from dgchat.ui.current_app import current_app
from dgchat.ui.palette_of import palette_of
from dgchat.ui.screens.replay import ReplayScreen

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class ReplayCommands:
    """The ways to see again how an answer came to be."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {
            "replay": self._replay,
            "heat": self._heat,
        }

    async def _replay(self, argument: str) -> None:
        self._open(argument, heat=False)

    async def _heat(self, argument: str) -> None:
        self._open(argument, heat=True)

    async def export(self, argument: str) -> None:
        """Write how the last answer came to be; the suffix of the name chooses the format."""
        recording = Recording.of(self._turn(len(self._screen.session.turns)), self._model)
        palette = palette_of(self._screen.look.theme)
        path = await asyncio.to_thread(export_recording, recording, argument or free_name(), palette)
        self._screen.flash(f"written to {path}")

    def _open(self, argument: str, *, heat: bool) -> None:
        screen, turns = self._screen, tuple(self._screen.session.turns)
        most = max(1, len(turns))
        number = read_number(argument, "The number of an answer", 1, most) if argument else most
        self._turn(number)
        replay = ReplayScreen(turns, number - 1, screen.look.theme, screen.look.pace, heat, self._model)
        current_app(screen).push_screen(replay)

    def _turn(self, number: int) -> Turn:
        """The turn that is the `number`-th, if there is something of it to see."""
        last_turn(self._screen.session)
        turn = self._screen.session.turns[number - 1]
        if not len(turn.trace):
            raise UsageError("No step of this answer was recorded.")
        return turn

    @property
    def _model(self) -> str:
        return self._screen.session.info.model if self._screen.session.info else ""
