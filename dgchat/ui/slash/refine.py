"""What /refine does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgchat.errors import UsageError
from dgchat.session.last_turn import last_turn
from dgchat.session.needs import need_idle
from dgchat.session.refining import DEFAULT_NOISE_LEVEL, Refining
from dgchat.session.turn import Turn
from dgchat.settings import REFINE_KEY, read_key

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class RefineCommands:
    """/refine: the last answer is gone over by the model itself, or by a chat server."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._session = screen.session

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {"refine": self._refine}

    async def _refine(self, argument: str) -> None:
        need_idle(self._session)
        turn = last_turn(self._session)
        noise_level = _noise_level(argument)
        refining = _by_server(turn, argument) if noise_level is None else _by_model(turn, noise_level)
        self._screen.views.dim(turn)
        await self._screen.course.begin(turn.prompt, replaces=turn, refining=refining)


def _noise_level(argument: str) -> float | None:
    """The argument as a noise level; None if it is no number."""
    if not argument:
        return DEFAULT_NOISE_LEVEL
    try:
        level = float(argument)
    except ValueError:
        return None
    if not 0 <= level <= 1:
        raise UsageError(f"The noise level is a number from 0 to 1, not {argument}.")
    return level


def _by_model(turn: Turn, noise_level: float) -> Refining:
    if turn.begun:
        raise UsageError("An answer in two parts cannot be refined.", hint="/retry first, or /refine URL")
    before = turn.refining.canvases if turn.refining else ()
    num_canvases = turn.finished.stats.canvases if turn.finished else 0
    canvases = turn.trace.final_canvases(num_canvases, before)
    if not canvases:
        raise UsageError(
            "The canvases of this answer are not there.", hint="/refine URL has a server refine it"
        )
    return Refining(canvases, noise_level)


def _by_server(turn: Turn, address: str) -> Refining:
    from dgchat.engine.refine_with import RefiningServer  # brings httpx2, which few chats need

    return Refining(engine=RefiningServer(address, read_key(REFINE_KEY), turn.text))
