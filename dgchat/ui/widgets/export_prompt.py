"""One line that asks for the name of a file."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from dgchat.replay.export import SUFFIXES


class ExportPrompt(Horizontal):
    """Posts `Named` on enter; the suffix of the name chooses the format."""

    class Named(Message):
        """The reader has named a file."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def compose(self) -> ComposeResult:
        """Label, name, the suffixes there are."""
        yield Static(Content("export to"), id="export-label")
        yield Input(compact=True, select_on_focus=False)
        yield Static(Content(" ".join(SUFFIXES)), id="export-suffixes")

    def ask(self, name: str) -> None:
        """Offer a name."""
        line = self.query_one(Input)
        line.value = name
        line.cursor_position = len(name)
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is the name."""
        event.stop()
        self.post_message(self.Named(event.value))
