"""What the slash commands do in a chat of plain lines."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import TextIO

from dgchat.errors import UsageError
from dgchat.replay.export import export_recording, free_name
from dgchat.replay.palette import DEFAULT_PALETTE
from dgchat.replay.recording import Recording
from dgchat.session.age import age
from dgchat.session.commands import COMMANDS
from dgchat.session.last_turn import cut_turn, describe_stats, last_turn
from dgchat.session.needs import need_store
from dgchat.session.next_turn import NEXT_TURN_COMMANDS
from dgchat.session.session import Session
from dgchat.session.store.damage import told_of_damage
from dgchat.session.transcript_file import wanted_file, write_conversation
from dgchat.ui.plain_answer import answer, say

_RECALLED_TURNS = 3
"""Of a conversation that goes on, so many are printed again."""

_LISTED = 10
"""So many stored conversations are named."""


class PlainCommands:
    """Those of the one table that make sense without a screen; the others say that they need it."""

    def __init__(self, session: Session, writes: TextIO) -> None:
        self._session = session
        self._writes = writes
        self._handlers: dict[str, Callable[[str], None]] = {
            "help": self._help,
            "new": self._new,
            "retry": self._retry,
            "continue": self._continue,
            "undo": self._undo,
            "resume": self._resume,
            "rename": self._rename,
            "save": self._save,
            "export": self._export,
            "stats": self._stats,
        }

    def run(self, name: str, argument: str) -> None:
        """Run a command of the table; DgchatError for an argument that it cannot use."""
        if change := NEXT_TURN_COMMANDS.get(name):
            self._say(change(self._session, argument))
        elif handler := self._handlers.get(name):
            handler(argument)
        else:
            self._say(f"/{name} needs the full screen; /help lists what works here.")

    def _help(self, argument: str) -> None:
        works = {"quit", *self._handlers, *NEXT_TURN_COMMANDS}
        for known in COMMANDS:
            if known.name in works:
                self._say(f"{known.usage}: {known.summary}")
        self._say("ctrl+c: stop the answer, keep the draft")
        self._say("A line that begins with a space is sent as it is; @file sends a file along.")

    def _new(self, argument: str) -> None:
        self._session.forget()
        self._say("A new conversation.")

    def _retry(self, argument: str) -> None:
        turn = last_turn(self._session)
        if argument not in ("", "same"):
            raise UsageError("Two answers are compared on the full screen.", hint="/retry, or /retry same")
        is_same = argument == "same"
        begun, settings = (turn.begun, turn.settings) if is_same else ("", None)
        answer(self._session, self._session.begin(turn.prompt, turn, begun, settings=settings), self._writes)

    def _continue(self, argument: str) -> None:
        turn = cut_turn(self._session)
        answer(self._session, self._session.begin(turn.prompt, turn, turn.text), self._writes)

    def _undo(self, argument: str) -> None:
        turn = last_turn(self._session)
        self._session.undo()
        self._say(f"Taken back: {turn.prompt}")

    def _resume(self, argument: str) -> None:
        store = need_store(self._session)
        if argument:
            self._session.resume(*store.load(store.find(argument).id))
            recall(self._session, self._writes)
            return
        stored = store.summaries(limit=_LISTED)
        for summary in stored:
            title = " ".join(summary.title.split())
            self._say(f"{summary.id}, {age(summary.changed, time())}: {title}")
        self._say("/resume with an id or with words goes on." if stored else "Nothing is stored yet.")

    def _rename(self, argument: str) -> None:
        conversation = self._session.conversation
        if not conversation.title:
            raise UsageError("There is no conversation yet.")
        if argument:
            self._session.rename(argument)
        self._say(f"Its title is: {conversation.title}")

    def _save(self, argument: str) -> None:
        last_turn(self._session)
        file, form = wanted_file(argument) or (argument, "")
        self._say(f"Written to {write_conversation(self._session.conversation, file, form)}.")

    def _export(self, argument: str) -> None:
        if wanted_file(argument):
            self._save(argument)
            return
        turn = last_turn(self._session)
        if not len(turn.trace):
            raise UsageError("No step of this answer was recorded.")
        path = export_recording(Recording.of(turn, turn.model), argument or free_name(), DEFAULT_PALETTE)
        self._say(f"Written to {path}.")

    def _stats(self, argument: str) -> None:
        self._say(describe_stats(last_turn(self._session)))

    def _say(self, text: str) -> None:
        say(self._writes, text)


def recall(session: Session, writes: TextIO) -> None:
    """The end of the conversation that goes on, and a last prompt without an answer."""
    turns = session.turns
    if damage := told_of_damage(session.conversation.damaged):
        say(writes, damage)
    if turns:
        say(writes, f"Going on with: {session.conversation.title}. Turns so far: {len(turns)}.")
    for turn in turns[-_RECALLED_TURNS:]:
        say(writes, f"You: {turn.prompt}\nAnswer: {turn.text}")
    if session.unanswered:
        say(writes, f"Not answered yet: {session.unanswered}")
