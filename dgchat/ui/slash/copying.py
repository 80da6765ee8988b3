"""What /copy does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgchat.errors import UsageError
from dgchat.session.commands import read_number
from dgchat.session.last_turn import last_turn
from dgchat.session.turn import Turn
from dgchat.ui.code_blocks import code_blocks
from dgchat.ui.current_app import current_app

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class CopyCommands:
    """/copy: the answer, one of its code blocks, or its prompt."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {"copy": self._copy}

    async def _copy(self, argument: str) -> None:
        turn = last_turn(self._screen.session)
        current_app(self._screen).copy_to_clipboard(_wanted(turn, argument))


def _wanted(turn: Turn, argument: str) -> str:
    what, _, number = argument.partition(" ")
    if not what:
        return turn.text
    if what == "prompt" and not number:
        return turn.prompt
    if what == "code":
        return _code(turn, number.strip())
    raise UsageError(f"/copy cannot copy {argument!r}.", hint="/copy, /copy code 2 or /copy prompt")


def _code(turn: Turn, number: str) -> str:
    blocks = code_blocks(turn.text)
    if not blocks:
        raise UsageError("The last answer has no code block.", hint="/copy copies all of it")
    if not number and len(blocks) > 1:
        raise UsageError(f"The last answer has {len(blocks)} code blocks.", hint="/copy code 1 is the first")
    return blocks[read_number(number or "1", "The code block", 1, len(blocks)) - 1]
