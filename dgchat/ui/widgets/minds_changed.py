"""The list of minds changed: the positions of an answer that did not stay what they were."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dgchat.replay.canvas_history import CanvasHistory, MindChanged
from dgchat.replay.frames import Spot
from dgchat.ui.widgets.token_words import name_of

MAX_LISTED = 200

_MAX_NAMES = 6


class MindsChanged(OptionList):
    """Most often first; posts `Chosen` on enter or a click."""

    class Chosen(Message):
        """The reader wants to see this token at the step at which it settled."""

        def __init__(self, spot: Spot, step: int) -> None:
            super().__init__()
            self.spot = spot
            self.step = step

    def __init__(self) -> None:
        super().__init__()
        self._listed: list[tuple[int, MindChanged, int]] = []

    def use(self, histories: Sequence[CanvasHistory]) -> None:
        """List the tokens of these canvases."""
        found = [
            (canvas, mind, history.settle_steps[mind.position])
            for canvas, history in enumerate(histories)
            for mind in history.minds_changed
        ]
        self._listed = sorted(found, key=lambda one: -one[1].num_flips)[:MAX_LISTED]
        self.clear_options()
        options = [_describe(*one, has_others=len(histories) > 1) for one in self._listed]
        self.add_options(map(Option, options))
        if self._listed:
            self.highlighted = 0
        else:
            self.add_option(Option(Content.styled("no token changed its mind", "$muted"), disabled=True))
        self.border_title = "minds changed"

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go there."""
        event.stop()
        canvas, mind, settled = self._listed[event.option_index]
        self.post_message(self.Chosen(Spot(canvas, mind.position), settled))


def _describe(canvas: int, mind: MindChanged, settled: int, *, has_others: bool) -> Content:
    where = f"canvas {canvas + 1}, step {settled}" if has_others else f"step {settled}"
    names = [name_of(stay.piece) for stay in mind.stays]
    more = "… → " if len(names) > _MAX_NAMES else ""
    return Content.assemble(
        (f"{mind.num_flips:>3}× ", "$accent"),
        (names[-1], "bold $foreground"),
        (f"  {where}  {more}{' → '.join(names[-_MAX_NAMES:])}", "$muted"),
    )
