"""Which widgets of the transcript belong to which turn."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widget import Widget

from dgchat.session.turn import Turn
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.user_message import UserMessage


class TurnViews:
    """A turn is shown by its prompt and its answer; a retried one by its answer alone, until it takes the
    place of the other.
    """

    def __init__(self) -> None:
        self._views: dict[Turn, list[Widget]] = {}
        self._latest: AnswerView | None = None

    @property
    def latest(self) -> AnswerView | None:
        """The answer that is being drawn; None once it has settled."""
        return self._latest

    def add(self, turn: Turn, views: list[Widget]) -> None:
        """Remember what shows a turn that begins; the last of them is its answer."""
        self._views[turn] = views
        self._latest = self.answer_to(turn)

    def put(self, turn: Turn, views: list[Widget]) -> None:
        """Remember what shows a turn that is over."""
        self._views[turn] = views

    def is_on_page(self, turn: Turn) -> bool:
        """Whether the turn is on the screen, or near enough to be scrolled to."""
        views = self._views.get(turn, [])
        return bool(views) and all(view.is_attached for view in views)

    def show_note(self, turn: Turn, note: str) -> None:
        """Put something beside the label of the prompt."""
        for view in self._views.get(turn, []):
            if isinstance(view, UserMessage):
                view.show_note(note)

    def answer_to(self, turn: Turn) -> AnswerView | None:
        """The answer as it stands on the screen, if it does."""
        views = self._views.get(turn)
        return views[-1] if views and isinstance(views[-1], AnswerView) else None

    async def settle(self, settled: AnswerView) -> None:
        """Nothing moves in this answer any more; one that went on stands for both its parts."""
        if self._latest is settled:
            self._latest = None
        turn = settled.turn
        if turn.begun and turn.finished:
            await _remove([view for view in self._answers(turn) if view is not settled])

    async def exchange(self, turn: Turn, view: AnswerView) -> None:
        """`view` shows a turn from now on, in the place of all answers of the one that it replaces."""
        earlier = self._views.pop(turn.replaces, []) if turn.replaces else []
        self._views[turn] = [shown for shown in earlier if not isinstance(shown, AnswerView)] + [view]
        await _remove([shown for shown in earlier if isinstance(shown, AnswerView)])

    async def remove(self, turn: Turn) -> None:
        """Take a turn off the screen."""
        await _remove(self._views.pop(turn, []))

    async def remove_answer(self, turn: Turn) -> None:
        """Take a turn's answer off the screen, and leave its prompt."""
        await _remove(self._views.pop(turn, [])[-1:])

    def remake(self, before: Widget, after: Widget) -> None:
        """A widget has come back to the page as another one."""
        for views in self._views.values():
            if before in views:
                views[views.index(before)] = after

    def forget(self) -> None:
        """Know of no turn any more."""
        self._views.clear()

    def dim(self, turn: Turn) -> None:
        """Show that another answer is to take the place of this one."""
        for view in self._answers(turn):
            view.add_class("-replaced")

    def undim(self, turn: Turn) -> None:
        """No other answer is to take its place."""
        for view in self._answers(turn):
            view.remove_class("-replaced")

    def take_place(self, turn: Turn) -> None:
        """What was on the screen for a replaced turn belongs to the new one, or is as it was."""
        if turn.replaces is None:
            return
        if turn.messages():
            self._views[turn] = self._views.pop(turn.replaces, []) + self._views.get(turn, [])
            return
        self.undim(turn.replaces)

    def _answers(self, turn: Turn) -> list[AnswerView]:
        return [view for view in self._views.get(turn, []) if isinstance(view, AnswerView)]


async def _remove(views: Sequence[Widget]) -> None:
    for view in views:
        if view.is_attached:
            await view.remove()
