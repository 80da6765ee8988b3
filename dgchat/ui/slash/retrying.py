"""What /retry does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from dgchat.errors import UsageError
from dgchat.session.commands import read_number
from dgchat.session.last_turn import last_turn
from dgchat.session.needs import need_idle
from dgchat.session.turn import Turn
from dgchat.ui.current_app import current_app
from dgchat.ui.screens.compare import CompareScreen
from dgchat.ui.widgets.controls import Controls
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.transcript import Transcript
from dgchat.ui.widgets.user_message import UserMessage

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class RetryCommands:
    """/retry: with a fresh seed, with the same one, or with the same one at other steps, for comparison."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._session = screen.session

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {"retry": self._retry}

    async def _retry(self, argument: str) -> None:
        need_idle(self._session)
        if not self._session.turns and await self._screen.load_again():
            return
        turn = last_turn(self._session)
        if not argument:
            self._screen.views.dim(turn)
            await self._screen.course.begin(turn.prompt, replaces=turn)
        elif argument == "same":
            self._screen.views.dim(turn)
            await self._screen.course.begin(turn.prompt, turn, turn.begun, settings=turn.settings)
        else:
            self._compare(turn, argument)

    def _compare(self, earlier: Turn, argument: str) -> None:
        if self._session.info is None:
            raise UsageError("There is no model to compare with.", hint="/retry loads it again")
        steps = read_number(argument, "The number of steps", 1, self._session.max_steps)
        settings = replace(earlier.settings, steps=steps)
        newer = self._session.begin(earlier.prompt, earlier, earlier.begun, settings=settings)
        compared = CompareScreen(self._session, earlier, newer, self._screen.view_of(newer))
        current_app(self._screen).push_screen(compared, partial(self._keep, newer))

    async def _keep(self, newer: Turn, is_kept: bool | None) -> None:
        if newer.error is not None:
            await self._screen.say(Notice.of_error(newer.error))
        elif is_kept:
            self._session.conclude(newer)
            await self._show_in_place(newer)
            self._screen.flash("the new answer is in the conversation")
        else:
            self._screen.flash("the earlier answer stays")

    async def _show_in_place(self, turn: Turn) -> None:
        """Show a turn that is over where the one stands that it replaces."""
        transcript, views = self._screen.query_one(Transcript), self._screen.views
        view = self._screen.view_of(turn)
        earlier = views.answer_to(turn.replaces) if turn.replaces else None
        if earlier is None:  # it was cleared off the screen
            await transcript.add(UserMessage(turn.prompt, turn.attachments), view)
        else:
            await transcript.insert(view, before=earlier)
        await views.exchange(turn, view)
        await view.settle()
        self._screen.query_one(Controls).show_settings()
