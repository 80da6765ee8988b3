"""Stored conversations: written by one thread as things happen, read by whoever wants to see them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import time

from dgchat.engine.trace import Trace
from dgchat.engine.trace_codec import pack_trace, unpack_trace
from dgchat.errors import StoreError, UsageError
from dgchat.paths import data_dir
from dgchat.session.conversation import Conversation
from dgchat.session.store import rows
from dgchat.session.store.database import open_database
from dgchat.session.store.ids import is_id, parse_id
from dgchat.session.store.records import Summary, answer_values, draft_values, storable
from dgchat.session.store.search import found_words, like, matching_turns
from dgchat.session.store.writer import Ticket, TroubleListener, Writer
from dgchat.session.turn import Turn

ERASE_AFTER_DAYS = 30
"""A deleted conversation can be brought back for so long."""

_DAY_SECONDS = 86_400

_SUMMARIES = """
SELECT conversations.*, count(turns.answer) AS num_turns,
    coalesce((SELECT model FROM turns AS last WHERE last.conversation = conversations.id AND model != ''
        ORDER BY number DESC LIMIT 1), '') AS model
FROM conversations LEFT JOIN turns ON turns.conversation = conversations.id
"""


def store_path() -> Path:
    """The database of this user."""
    return data_dir() / "conversations.db"


class Store:
    """Every method that writes returns at once; every method that reads raises StoreError if it cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_database(path)
        self._reading = Lock()
        self._writer = Writer(path)
        self._erase_old()

    @property
    def trouble(self) -> StoreError | None:
        """Why nothing is written at present."""
        return self._writer.trouble

    def listen(self, listener: TroubleListener) -> None:
        """Tell, in another thread, why nothing is written any more, and with None that it is again."""
        self._writer.listen(listener)

    def close(self, seconds: float = 2.0) -> int:
        """Write what is waiting, for so long at most; how many changes are not on the disk."""
        unwritten = self._writer.close(seconds)
        with self._reading, suppress(sqlite3.Error):
            self._connection.close()
        return unwritten

    def add_turn(self, conversation: Conversation, turn: Turn) -> Ticket:
        """Store a prompt that was sent; conversation and turn have their ids once it is on the disk."""
        return self._writer.put(lambda connection: rows.insert_turn(connection, conversation, turn))

    def keep_draft(self, turn: Turn) -> Ticket:
        """Store the answer as far as it is."""
        return self._writer.put(lambda connection: rows.update_turn(connection, turn.id, draft_values(turn)))

    def finish_turn(self, turn: Turn) -> Ticket:
        """Store the answer with its trace, or why there is none."""

        def write(connection: sqlite3.Connection) -> None:
            packed = pack_trace(turn.trace) if len(turn.trace) else None
            rows.update_turn(connection, turn.id, answer_values(turn), packed)

        return self._writer.put(write)

    def keep_leaf(self, conversation: Conversation) -> Ticket:
        """Store where the branch ends that is being read."""
        leaf = conversation.leaf
        return self._writer.put(
            lambda connection: rows.update_leaf(connection, conversation.id, leaf.id if leaf else None)
        )

    def rename(self, conversation_id: str, title: str) -> Ticket:
        """Give a conversation another title."""
        return self._writer.put(lambda connection: rows.rename(connection, conversation_id, title))

    def delete(self, conversation_id: str) -> Ticket:
        """Take a conversation out of the lists; it can be brought back until it is erased."""
        return self._writer.put(lambda connection: rows.mark_deleted(connection, conversation_id, time()))

    def restore(self, conversation_id: str) -> Ticket:
        """Bring a deleted conversation back."""
        return self._writer.put(lambda connection: rows.mark_deleted(connection, conversation_id, None))

    def erase(self, conversation_id: str) -> Ticket:
        """Remove a conversation from the disk for good."""
        return self._writer.put(lambda connection: rows.erase(connection, conversation_id))

    def summaries(self, text: str = "", *, deleted: bool = False, limit: int = 500) -> list[Summary]:
        """Conversations in whose title or turns every word of the text occurs, the latest first."""
        text = storable(text).replace("\0", " ")
        where, parameters = f"deleted IS {'NOT ' if deleted else ''}NULL", list[str]()
        if text.split():
            turns, parameters = matching_turns(text)
            where += f" AND (turns.key IN ({turns}) OR title LIKE ? ESCAPE '\\')"
            parameters.append(like(text.strip()))
        # The words may stand in one turn; all turns of its conversation are counted.
        ids = f"SELECT conversations.id FROM conversations LEFT JOIN turns ON conversation = id WHERE {where}"
        found = self._read(
            f"{_SUMMARIES} WHERE conversations.id IN ({ids}) GROUP BY id ORDER BY changed DESC LIMIT {limit}",
            parameters,
        )
        summaries = [_summary(row) for row in found]
        return [replace(each, found=self._found(text, each)) for each in summaries] if text else summaries

    def find(self, text: str) -> Summary:
        """The conversation of that id, else the latest of that title, else the latest that holds the text;
        UsageError if there is none.
        """
        if is_id(text):
            conversation_id, _ = parse_id(text)
            for row in self._read(f"{_SUMMARIES} WHERE id = ? GROUP BY id", [conversation_id]):
                return _summary(row)
        titled = f"{_SUMMARIES} WHERE deleted IS NULL AND title = ? GROUP BY id ORDER BY changed DESC LIMIT 1"
        for row in self._read(titled, [storable(text)]):
            return _summary(row)
        for summary in self.summaries(text, limit=1):
            return summary
        hint = "dgchat sessions list shows what is stored"
        raise UsageError(f"No conversation is named {text!r} or holds it.", hint=hint)

    def latest(self) -> Summary:
        """The conversation in which something was last asked; UsageError if there is none."""
        for summary in self.summaries(limit=1):
            return summary
        raise UsageError("There is no conversation to go on with.", hint="dgchat begins one")

    def load(self, conversation_id: str) -> tuple[Conversation, str]:
        """A conversation, and the last prompt if it has no answer; UsageError if there is no such id."""
        found = self._read("SELECT * FROM conversations WHERE id = ?", [conversation_id])
        if not found:
            raise UsageError(f"There is no conversation {conversation_id}.")
        turns = self._read("SELECT * FROM turns WHERE conversation = ? ORDER BY number", [conversation_id])
        return rows.read_conversation(found[0], turns, self._trace_reader)

    def trace_of(self, turn_id: str) -> Trace:
        """The denoising of an answer, of a conversation's last one if only that is named.

        UsageError if there is no such turn or nothing was recorded, TraceError if it is damaged.
        """
        conversation, number = parse_id(turn_id)
        which, parameters = ("number = ?", [conversation, number]) if number else ("1", [conversation])
        found = self._read(
            "SELECT packed FROM traces JOIN turns ON turns.key = traces.turn"
            f" WHERE conversation = ? AND {which} ORDER BY number DESC LIMIT 1",
            parameters,
        )
        if not found:
            raise UsageError(f"No denoising is stored for {turn_id}.", hint="dgchat sessions list shows ids")
        return unpack_trace(found[0]["packed"])

    def _trace_reader(self, turn_id: str) -> Callable[[], Trace]:
        return lambda: self.trace_of(turn_id)

    def _found(self, text: str, summary: Summary) -> str:
        keys, parameters = matching_turns(text)
        hits = self._read(
            "SELECT prompt, coalesce(answer, '') AS answer FROM turns"
            f" WHERE conversation = ? AND key IN ({keys}) ORDER BY number DESC LIMIT 1",
            [summary.id, *parameters],
        )
        texts = (hits[0]["prompt"], hits[0]["answer"]) if hits else ()
        return next((words for among in texts if (words := found_words(text, among))), "")

    def _read(self, statement: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        try:
            with self._reading:
                return self._connection.execute(statement, parameters).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            raise StoreError(f"Conversations in {self._path} cannot be read: {error}.") from error

    def _erase_old(self) -> None:
        before = time() - ERASE_AFTER_DAYS * _DAY_SECONDS
        if self._read("SELECT 1 FROM conversations WHERE deleted < ? LIMIT 1", [before]):
            self._writer.put(lambda connection: rows.erase_deleted(connection, before))


def _summary(row: sqlite3.Row) -> Summary:
    return Summary(
        id=row["id"],
        title=row["title"],
        created=row["created"],
        changed=row["changed"],
        turns=row["num_turns"],
        model=row["model"],
        deleted=row["deleted"],
    )
