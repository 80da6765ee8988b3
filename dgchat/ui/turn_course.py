"""The course of a turn on the screen: how it begins, moves and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widget import Widget

from dgchat.engine.events import Event, Prefilled
from dgchat.errors import DgchatError
from dgchat.session.attachments import Attachment
from dgchat.session.left_out import LeftOut
from dgchat.session.refining import Refining
from dgchat.session.turn import Turn, TurnSettings
from dgchat.ui.branch_view import show_branch, version_note
from dgchat.ui.engine_thread import start_loading, start_turn
from dgchat.ui.widgets.controls import Controls
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.title_bar import TitleBar
from dgchat.ui.widgets.transcript import Transcript
from dgchat.ui.widgets.user_message import UserMessage

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen


class TurnCourse:
    """Puts what happens to a turn onto the page."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._session = screen.session
        self._left_out = LeftOut()

    async def begin(
        self,
        prompt: str,
        replaces: Turn | None = None,
        begun: str = "",
        attachments: tuple[Attachment, ...] = (),
        settings: TurnSettings | None = None,
        refining: Refining | None = None,
    ) -> None:
        """Send a prompt, and load the model again if it is not there; DgchatError if an answer is still being
        written. Parameters as for `Session.begin`.
        """
        screen, session = self._screen, self._session
        is_edited = session.edited is not None
        turn = session.begin(prompt, replaces, begun, attachments, settings, refining)
        if is_edited:
            await show_branch(screen, turn.parent)
        if session.load_again():
            start_loading(session, screen)
        view = screen.view_of(turn)
        views: list[Widget] = [view] if replaces else [UserMessage(prompt, turn.attachments), view]
        screen.views.add(turn, views)
        screen.query_one(TitleBar).topic = session.conversation.title
        await screen.remove_welcome()
        transcript = screen.query_one(Transcript)
        await transcript.add(*views)
        transcript.go_to_end()
        screen.show_hints()
        start_turn(session, turn, screen)

    async def follow(self, turn: Turn, event: Event) -> None:
        """Show what of the history was left out; let the answer follow."""
        view = self._screen.views.answer_to(turn)
        if view is None:
            return
        view.follow_turn()
        if isinstance(event, Prefilled):
            view.enter_phase("first step")
            if words := self._left_out.words(self._session.conversation, event.dropped_turns):
                await self._screen.query_one(Transcript).insert(Notice(words), before=view)

    async def end(self, turn: Turn) -> None:
        """Take the turn into the conversation, or give the prompt back."""
        screen, conversation = self._screen, self._session.conversation
        self._session.conclude(turn)
        if not turn.messages() and not turn.replaces and turn.parent is not conversation.leaf:
            await show_branch(screen, conversation.leaf)  # an edited prompt got no answer
        screen.show_hints()
        screen.query_one(Controls).show_settings()
        if turn.error is not None:
            await self._show_failure(turn, turn.error)
        elif not turn.text and not turn.replaces:
            screen.give_back(turn.prompt)
        screen.views.take_place(turn)
        screen.views.show_note(turn, version_note(conversation, turn))
        view = screen.views.answer_to(turn)
        if view is not None and not screen.look.pace.is_moving:
            await view.settle()

    async def _show_failure(self, turn: Turn, error: DgchatError) -> None:
        screen = self._screen
        if turn.text == turn.begun:
            if not turn.begun:
                screen.give_back(turn.prompt)
            await screen.views.remove_answer(turn)
        if error is not self._session.load_error:  # that one is told already, or will be
            await screen.say(Notice.of_error(error))
