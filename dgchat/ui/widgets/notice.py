"""A line of the program's own in the transcript."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from dgchat.errors import DgchatError
from dgchat.safe_text import visible


class Notice(Static):
    """Something the reader should know, in the program's words."""

    def __init__(self, text: str, *, is_error: bool = False) -> None:
        super().__init__(Content(visible(text)), classes="-error" if is_error else "")
        self._words, self._is_error = text, is_error

    def again(self) -> Notice:
        """The line once more."""
        return Notice(self._words, is_error=self._is_error)

    @classmethod
    def of_error(cls, error: DgchatError) -> Notice:
        """What happened, and what to do."""
        mark = "✗ "
        return cls(
            f"{mark}{error.message} {error.hint}" if error.hint else mark + error.message, is_error=True
        )
