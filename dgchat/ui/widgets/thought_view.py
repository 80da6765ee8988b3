"""What the model thought before it answered, folded away."""

from __future__ import annotations

from typing import cast

from textual.content import Content
from textual.widgets import Collapsible, Static

from dgchat.safe_text import visible


class ThoughtView(Collapsible):
    """The thought channel of one answer; enter or a click unfolds it."""

    def __init__(self, thought: str) -> None:
        text = Static(Content(visible(thought.strip())))
        title = Content(f"thought, {len(thought.split())} words")  # a str would be read as markup
        super().__init__(text, title=cast(str, title), collapsed=True)
