"""Two answers to one prompt from the same seed, at different numbers of denoising steps."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dgchat.engine.events import Prefilled
from dgchat.safe_text import visible
from dgchat.session.session import Session
from dgchat.session.turn import Turn
from dgchat.session.word_diff import word_diff
from dgchat.ui.engine_thread import start_turn
from dgchat.ui.messages import TurnEnded, TurnMoved
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.compared_answer import ComparedAnswer
from dgchat.ui.widgets.key_hints import Hints, KeyHints

_SCROLL_ROWS = 3

_WIDTHS = [(0, "-stacked"), (100, "-beside")]

_RUNNING_HINTS: Hints = (("esc", "stop, keep the draft"),)
_CHOOSING_HINTS: Hints = (
    ("← esc", "keep the earlier"),
    ("→", "keep the new"),
    ("↑↓", "scroll"),
)


class CompareScreen(ModalScreen[bool]):
    """Denoises the new turn beside the earlier one; its result is whether the new one is to be kept.

    Until the reader has chosen the conversation holds the earlier one.
    """

    CSS_PATH = "compare.tcss"
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "keep(False)", "keep the earlier answer", show=False),
        Binding("right", "keep(True)", "keep the new answer", show=False),
        Binding("up", f"scroll_both(-{_SCROLL_ROWS})", "scroll", show=False),
        Binding("down", f"scroll_both({_SCROLL_ROWS})", "scroll", show=False),
        Binding("escape", "stop_or_close", "stop; keep the earlier answer", show=False),
    ]

    def __init__(self, session: Session, earlier: Turn, newer: Turn, view: AnswerView) -> None:
        """`newer` must have begun; `view` is to show it."""
        super().__init__()
        self._session = session
        self._turns = earlier, newer
        self._view = view
        text = Static(Content(visible(earlier.text)), classes="compare-text")
        self._panes = (
            ComparedAnswer("earlier", text, "earlier"),
            ComparedAnswer("new", view, "newer"),
        )
        self._is_choosing = False

    def compose(self) -> ComposeResult:
        """What was asked, the two answers, the keys."""
        yield Static(Content(visible(self._turns[0].prompt, newlines=False)), id="compare-prompt")
        with Container(id="compare-panes"):
            yield from self._panes
        yield Static(id="compare-shared")
        yield KeyHints()

    def on_mount(self) -> None:
        """Begin."""
        self._panes[0].show_figures(self._turns[0])
        self.query_one(KeyHints).hints = _RUNNING_HINTS
        start_turn(self._session, self._turns[1], self)

    def on_key(self) -> None:
        """Any key ends the trail."""
        self._view.catch_up()

    def on_turn_moved(self, message: TurnMoved) -> None:
        """Let the answer follow."""
        self._view.follow_turn()
        if isinstance(message.event, Prefilled):
            self._view.enter_phase("first step")

    async def on_turn_ended(self, message: TurnEnded) -> None:
        """Without an answer there is nothing to compare; else it settles as soon as it has been seen."""
        self._session.set_aside()
        if not message.turn.messages():
            self.dismiss(False)
            return
        self._panes[1].show_figures(message.turn)
        if not self._view.is_moving:
            await self._view.settle()

    async def on_answer_view_settled(self) -> None:
        """Mark what differs, and let the reader choose."""
        diff = word_diff(*(turn.text for turn in self._turns))
        for pane, spans in zip(self._panes, (diff.earlier, diff.newer), strict=True):
            await pane.show_words(spans)
        same = self._turns[0].text == self._turns[1].text
        shared = (
            "the two answers are the same, byte for byte"
            if same
            else (f"{diff.shared_fraction:.0%} of the words are in both; the others are underlined")
        )
        self.query_one("#compare-shared", Static).update(Content(shared))
        self.query_one(KeyHints).hints = _CHOOSING_HINTS
        self._is_choosing = True

    def action_keep(self, is_newer: bool) -> None:
        """Choose, once there is something to choose from."""
        if self._is_choosing:
            self.dismiss(is_newer)

    def action_scroll_both(self, rows: int) -> None:
        """Move both answers together."""
        for pane in self._panes:
            pane.scroll(rows)

    def action_stop_or_close(self) -> None:
        """Stop the new answer, which keeps its draft; once it is there, leave everything as it was."""
        if not self._session.cancel() and self._is_choosing:
            self.dismiss(False)
