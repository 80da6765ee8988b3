"""What the reader asked."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from dgchat.safe_text import visible


class UserMessage(Vertical):
    """A prompt, letter for letter."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def again(self) -> UserMessage:
        """The prompt once more."""
        return UserMessage(self._text)

    def compose(self) -> ComposeResult:
        """A label and the text."""
        yield Static(Content("you"), classes="message-label")
        yield Static(Content(visible(self._text)), classes="message-text")
