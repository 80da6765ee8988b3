"""The top line: the program, the model, and what the conversation is about."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from dgchat.engine.events import EngineInfo
from dgchat.safe_text import visible

_NAME = "dgchat"
_GAP = 2


class TitleBar(Widget):
    """Left who answers, right what was asked first."""

    info: reactive[EngineInfo | None] = reactive[EngineInfo | None](None)
    topic: reactive[str] = reactive("")

    def render(self) -> Content:
        """The two sides, as much of them as fits."""
        model = _describe(self.info) if self.info else ""
        room = self.size.width - len(_NAME) - _GAP
        model = Content(model).truncate(max(0, room), ellipsis=True)
        topic = Content(visible(self.topic, newlines=False))
        topic = topic.truncate(max(0, min(40, room - model.cell_length - 2 * _GAP)), ellipsis=True)
        gap = " " * max(0, room - model.cell_length - topic.cell_length)
        muted = "$muted"
        return Content.assemble(
            (_NAME, "bold $accent"), " " * _GAP, model.stylize(muted), gap, topic.stylize(muted)
        )


def _describe(info: EngineInfo) -> str:
    return visible(f"{info.model} · {info.device} · canvas {info.canvas_length}", newlines=False)
