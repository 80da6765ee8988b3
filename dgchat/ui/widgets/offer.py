"""One prompt that an empty chat offers, asked with a key or a click."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from dgchat.safe_text import visible
from dgchat.ui.widgets.prompt_box import PromptBox


class Offer(Static):
    """The key and the prompt."""

    def __init__(self, key: str, prompt: str, *, is_first: bool) -> None:
        super().__init__(
            Content.assemble((key, "$accent"), "  ", visible(prompt, newlines=False)),
            classes="first-offer" if is_first else "",
        )
        self.prompt = prompt

    def on_click(self) -> None:
        """Ask it."""
        self.post_message(PromptBox.Submitted(self.prompt))
