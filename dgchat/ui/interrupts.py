"""What esc and ctrl+c do in the chat: copy, stop, clear, and in the end quit."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from dgchat.ui.current_app import current_app
from dgchat.ui.slash.conversations import ConversationCommands
from dgchat.ui.widgets.prompt_box import PromptBox
from dgchat.ui.widgets.slider import Slider

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen

TWICE_SECONDS = 1.0
"""ctrl+c twice within this quits."""


class Interrupts:
    """Ends what is nearest to the reader, one thing at a time."""

    def __init__(self, screen: ChatScreen, conversations: ConversationCommands) -> None:
        self._screen = screen
        self._session = screen.session
        self._conversations = conversations
        self._interrupted_at = float("-inf")

    def stop(self) -> None:
        """From a slider, go back to the prompt; from there, stop the answer within a step, or the loading."""
        box = self._screen.query_one(PromptBox)
        if not isinstance(self._screen.focused, Slider):
            if self._session.cancel():
                self._screen.flash("stopping after this step")
            elif self._conversations.drop_edit():
                box.replace_text("")
            elif not box.text and self._session.cancel_loading():
                self._screen.flash("stopping the loading")
        box.focus()

    def interrupt(self) -> None:
        """Copy what is selected, else stop, else clear the prompt; twice quits."""
        now = monotonic()
        is_second = now - self._interrupted_at < TWICE_SECONDS
        self._interrupted_at = now
        box = self._screen.query_one(PromptBox)
        selected = box.selected_text or self._screen.get_selected_text()
        if is_second and not selected:
            current_app(self._screen).exit()
        elif selected:
            current_app(self._screen).copy_to_clipboard(selected)
        elif self._session.cancel():
            self._screen.flash("stopping after this step · ctrl+c again quits")
        else:
            box.replace_text("")
            self._screen.flash("ctrl+c again quits")
