"""The line above an answer: who speaks, and in the end the figures of the answer, as many as fit."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from dgchat.ui.widgets.status_line import fitting

_WHO = "dgchat"
_GAP = "   "


class AnswerLabel(Widget):
    """`dgchat`, and the figures once there are any; the least telling figures last."""

    figures: reactive[str] = reactive("")

    def __init__(self) -> None:
        super().__init__(classes="message-label")

    def render(self) -> Content:
        """The figures that have room at this width."""
        if not self.figures:
            return Content(_WHO)
        return Content.assemble(_WHO, _GAP, fitting(self.figures, self.size.width - len(_WHO + _GAP)))
