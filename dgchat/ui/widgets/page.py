"""Everything between the title and the foot: the conversation, and on a wide terminal a panel beside it."""

from __future__ import annotations

from time import monotonic

from textual.containers import Container

from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.canvas_panel import CanvasPanel
from dgchat.ui.widgets.ground import Ground


class Page(Ground, Container):
    """Lets the panel follow the answer that is being drawn."""

    def on_answer_view_step_drawn(self, message: AnswerView.StepDrawn) -> None:
        """Show the step beside the canvas."""
        message.stop()
        self.query_one(CanvasPanel).follow(message.view, monotonic(), at_once=message.is_last)
