"""What the commands about the prompt do on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgchat.ui.widgets.prompt_box import PromptBox

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class PromptCommands:
    """/editor."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {"editor": self._editor}

    async def _editor(self, argument: str) -> None:
        box = self._screen.query_one(PromptBox)
        box.post_message(PromptBox.EditorAsked(box))
