"""The line above an answer: who speaks, and in the end the figures of the answer, as many as fit."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from dgchat.ui.widgets.status_line import fitting

_WHO = "dgchat"
_GAP = "   "


class AnswerLabel(Static):
    """`dgchat`, and the figures once there are any."""

    def __init__(self) -> None:
        super().__init__(Content(_WHO), classes="message-label")
        self._figures = ""

    def show_figures(self, figures: str) -> None:
        """Tell how the answer came about; the least telling figures last."""
        self._figures = figures
        self._show()

    def on_resize(self) -> None:
        """Make use of the new width."""
        self._show()

    def _show(self) -> None:
        if self._figures:
            room = self.size.width - len(_WHO + _GAP)
            self.update(Content.assemble(_WHO, _GAP, fitting(self._figures, room)), layout=False)
