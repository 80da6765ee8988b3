"""The commands about conversations as a whole: find, name, delete, branch, write to a file."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from dgchat.errors import StoreError, UsageError
from dgchat.session.commands import read_number
from dgchat.session.last_turn import last_turn
from dgchat.session.needs import need_idle, need_store
from dgchat.session.store.damage import told_of_damage
from dgchat.session.transcript_file import wanted_file, write_conversation
from dgchat.session.turn import Turn
from dgchat.ui.branch_view import show_branch
from dgchat.ui.current_app import current_app
from dgchat.ui.screens.picker import ConversationPicker
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.title_bar import TitleBar
from dgchat.ui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class ConversationCommands:
    """Moves between conversations, and between the branches of one."""

    def __init__(self, screen: ChatScreen, export_replay: Handler) -> None:
        """`export_replay`: writes how the last answer came to be."""
        self._screen = screen
        self._export_replay = export_replay
        self._session = screen.session
        self._deleted = ""

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {
            "resume": self._resume,
            "rename": self._rename,
            "delete": self._delete,
            "undo": self._undo,
            "edit": self._edit,
            "branch": self._branch,
            "save": self._save,
            "export": self._export,
        }

    async def begin(self) -> None:
        """Show the conversation that the chat was opened with, and what is wrong with the storage."""
        if self._session.store is not None:
            self._session.store.listen(self._tell_trouble)
        if self._session.store_error is not None:
            await self.tell_trouble(self._session.store_error)
        if self._session.conversation.id:
            await self.take_up()

    async def take_up(self) -> None:
        """Show the session's conversation from its end; a last prompt without an answer is in the box."""
        conversation = self._session.conversation
        await show_branch(self._screen, conversation.leaf)
        if damage := told_of_damage(conversation.damaged):
            await self._screen.say(Notice(damage))
        if self._session.unanswered:
            self._screen.give_back(self._session.unanswered)
            self._screen.flash("the last prompt has no answer yet; enter sends it")
        elif conversation.leaf is None and conversation.turns:
            await self._screen.say(Notice("Everything here was taken back; /branch shows it again."))

    async def tell_trouble(self, trouble: StoreError | None) -> None:
        """Say in one line that nothing is stored, or quietly that it is again."""
        if trouble is None:
            self._screen.flash("the conversation is stored again")
            return
        await self._screen.query_one(Transcript).add(Notice.of_error(trouble))
        self._screen.flash(str(trouble))

    def drop_edit(self) -> bool:
        """Leave an earlier prompt as it is after all; whether one was being edited."""
        if self._session.edited is None:
            return False
        for turn in self._session.turns:
            self._screen.views.undim(turn)
        self._session.edited = None
        self._screen.flash("left as it was")
        return True

    def _tell_trouble(self, trouble: StoreError | None) -> None:
        self._screen.call_later(self.tell_trouble, trouble)

    async def _resume(self, argument: str) -> None:
        need_idle(self._session)
        store = need_store(self._session)
        if argument:
            summary = await asyncio.to_thread(store.find, argument)
            await self._take_up_stored(summary.id)
            return
        picker = ConversationPicker(store, self._session.conversation.id)
        current_app(self._screen).push_screen(picker, partial(self._picked, picker))

    async def _picked(self, picker: ConversationPicker, identity: str | None) -> None:
        if identity:
            await self._take_up_stored(identity)
        elif picker.is_present_deleted:
            await self._leave_deleted()
        elif picker.present_title:
            self._show_title(picker.present_title)

    async def _take_up_stored(self, identity: str) -> None:
        self._session.resume(*await asyncio.to_thread(need_store(self._session).load, identity))
        await self.take_up()

    async def _rename(self, argument: str) -> None:
        conversation = self._session.conversation
        if not conversation.title:
            raise UsageError("There is no conversation yet.")
        if not argument:
            self._screen.prepare(f"/rename {' '.join(conversation.title.split())}")
            return
        self._session.rename(argument)
        self._screen.query_one(TitleBar).topic = argument
        self._screen.flash("renamed")

    def _show_title(self, title: str) -> None:
        self._session.conversation.title = title
        self._screen.query_one(TitleBar).topic = title

    async def _delete(self, argument: str) -> None:
        need_idle(self._session)
        store, conversation = need_store(self._session), self._session.conversation
        if not conversation.id:
            raise UsageError("There is nothing stored to delete.")
        if argument.lower() != "yes":
            turns = len(conversation.turns)
            asked = f"/delete yes deletes “{conversation.title}” ({turns} turn{'' if turns == 1 else 's'})"
            await self._screen.say(Notice(f"{asked}; /undo then brings it back"))
            return
        store.delete(conversation.id)
        await self._leave_deleted()

    async def _leave_deleted(self) -> None:
        self._deleted = self._session.conversation.id
        self._session.forget()
        await self._screen.clear()
        self._screen.query_one(TitleBar).topic = ""
        self._screen.flash("deleted; /undo brings it back")

    async def _undo(self, argument: str) -> None:
        need_idle(self._session)
        if not self._session.turns and self._deleted:
            identity, self._deleted = self._deleted, ""
            await asyncio.to_thread(need_store(self._session).restore(identity).wait)
            await self._take_up_stored(identity)
            self._screen.flash("it is back")
            return
        turn = self._session.undo()
        if turn is None:
            raise UsageError("There is no answer yet.")
        self._session.edited = None
        if self._screen.views.is_on_page(turn):
            await self._screen.views.remove(turn)
        else:
            await show_branch(self._screen, self._session.conversation.leaf)
        self._screen.give_back(turn.prompt)

    async def _edit(self, argument: str) -> None:
        need_idle(self._session)
        last_turn(self._session)
        turns = self._session.turns
        number = read_number(argument, "The number of a prompt", 1, len(turns)) if argument else len(turns)
        self.drop_edit()
        self._session.edited = turns[number - 1]
        for turn in turns[number - 1 :]:
            self._screen.views.dim(turn)
        self._screen.prepare(turns[number - 1].prompt)
        self._screen.flash("enter sends it as another version · esc leaves all as it was")

    async def _branch(self, argument: str) -> None:
        need_idle(self._session)
        fork, wanted = self._fork(argument)
        versions = self._session.conversation.versions(fork)
        place = versions.index(fork) if fork in self._session.turns else -1
        version = versions[(place + 1) % len(versions) if wanted is None else wanted - 1]
        self._session.show(version)
        self._session.edited = None
        await show_branch(self._screen, self._session.conversation.leaf)
        self._screen.flash(f"version {versions.index(version) + 1} of {len(versions)}")

    def _fork(self, argument: str) -> tuple[Turn, int | None]:
        """The turn whose versions are meant, and the number of the wanted one; None for the next."""
        conversation, branch = self._session.conversation, self._session.turns
        if not branch and conversation.turns:
            return next(turn for turn in conversation.turns if turn.parent is None), None
        prompt, _, version = argument.rpartition(" ")
        if prompt:
            turn = branch[read_number(prompt.strip(), "The number of a prompt", 1, max(1, len(branch))) - 1]
        else:
            forks = [turn for turn in branch if len(conversation.versions(turn)) > 1]
            if not forks:
                raise UsageError("Every prompt has one version.", hint="/edit and /retry make others")
            turn = forks[-1]
        most = len(conversation.versions(turn))
        return turn, read_number(version, "The number of a version", 1, most) if version else None

    async def _save(self, argument: str) -> None:
        last_turn(self._session)
        file, form = wanted_file(argument) or (argument, "")
        path = await asyncio.to_thread(write_conversation, self._session.conversation, file, form)
        self._screen.flash(f"written to {path}")

    async def _export(self, argument: str) -> None:
        """A conversation is written by /save, how an answer came to be by /export; either finds the other."""
        await (self._save(argument) if wanted_file(argument) else self._export_replay(argument))
