"""What the model thought before it answered, folded away."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Collapsible, Static

from dgchat.safe_text import visible


class ThoughtView(Collapsible):
    """The thought channel of one answer; enter or a click unfolds it."""

    def __init__(self, thought: str) -> None:
        text = Static(Content(visible(thought.strip())))
        super().__init__(text, title=f"thought, {len(thought.split())} words", collapsed=True)
