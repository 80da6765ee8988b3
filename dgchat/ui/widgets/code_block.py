"""Code in an answer, with a word to click that copies it."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static
from textual.widgets.markdown import MarkdownFence

from dgchat.ui.current_app import current_app


class CodeBlock(MarkdownFence):
    """A fenced block."""

    def compose(self) -> ComposeResult:
        """The code, and the word over its upper right corner."""
        yield from super().compose()
        yield CopyWord(self.code)


class CopyWord(Static):
    """Hands a text to the terminal's clipboard when it is clicked; no part of a selection."""

    ALLOW_SELECT = False

    def __init__(self, text: str) -> None:
        super().__init__(Content("copy"))
        self._text = text

    def on_click(self, event: events.Click) -> None:
        """Copy."""
        event.stop()
        current_app(self).copy_to_clipboard(self._text)
