"""What each change of a conversation is in the database, and how its rows become a conversation again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from time import time

from dgchat.engine.trace import Trace
from dgchat.session.conversation import Conversation
from dgchat.session.store.ids import fresh_id, parse_id, turn_id
from dgchat.session.store.records import Values, asked_values, read_turn, storable
from dgchat.session.turn import Turn


def insert_turn(connection: sqlite3.Connection, conversation: Conversation, turn: Turn) -> None:
    """A prompt, and its conversation with it if that is new or was erased meanwhile; gives both their ids.

    A new one with a name that another process has meanwhile given to one of its own is that one.
    """
    conversation_id = conversation.id or _id_of_name(connection, conversation) or _unused_id(connection)
    connection.execute(
        "INSERT INTO conversations (id, title, created, changed) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET changed = excluded.changed, deleted = NULL",
        [conversation_id, storable(conversation.title), conversation.created, turn.asked],
    )
    (number,) = connection.execute(
        "SELECT coalesce(max(number), 0) + 1 FROM turns WHERE conversation = ?", [conversation_id]
    ).fetchone()
    values: Values = {
        "conversation": conversation_id,
        "number": number,
        "parent": _number_of(turn.parent.id) if turn.parent else None,
        **asked_values(turn),
    }
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO turns ({', '.join(values)}) VALUES ({marks})", list(values.values()))
    conversation.id, turn.id = conversation_id, turn_id(conversation_id, number)


def update_turn(
    connection: sqlite3.Connection, identity: str, values: Values, packed: bytes | None = None
) -> None:
    """What has become known of a turn; one with an answer is where its conversation is read on from."""
    conversation, number = parse_id(identity)
    sets = ", ".join(f"{column} = ?" for column in values)
    found = connection.execute(
        f"UPDATE turns SET {sets} WHERE conversation = ? AND number = ? RETURNING key",
        [*values.values(), conversation, number],
    ).fetchall()
    if found and packed is not None:
        connection.execute("INSERT OR REPLACE INTO traces VALUES (?, ?)", [found[0]["key"], packed])
    leaf = {"leaf": number} if values.get("answer") is not None else {}
    _update_conversation(connection, conversation, {"changed": time(), **leaf})


def update_leaf(connection: sqlite3.Connection, conversation: str, leaf: str | None) -> None:
    """Where the branch ends that is being read."""
    _update_conversation(connection, conversation, {"leaf": _number_of(leaf) if leaf else None})


def rename(connection: sqlite3.Connection, conversation: str, title: str) -> None:
    """Another title."""
    _update_conversation(connection, conversation, {"title": storable(title), "changed": time()})


def mark_deleted(connection: sqlite3.Connection, conversation: str, when: float | None) -> None:
    """Deleted at that time; None brings it back."""
    _update_conversation(connection, conversation, {"deleted": when})


def erase(connection: sqlite3.Connection, conversation: str) -> None:
    """Gone for good, turns and traces with it."""
    connection.execute("DELETE FROM conversations WHERE id = ?", [conversation])


def erase_deleted(connection: sqlite3.Connection, before: float) -> None:
    """Everything that was deleted before that time is gone for good."""
    connection.execute("DELETE FROM conversations WHERE deleted < ?", [before])


def read_conversation(
    row: sqlite3.Row, turn_rows: Sequence[sqlite3.Row], read_trace: Callable[[str], Callable[[], Trace]]
) -> tuple[Conversation, str]:
    """The conversation, and the last prompt on its branch if there is no answer to it, else nothing."""
    conversation = Conversation(row["id"], row["title"], row["created"])
    known: dict[int | None, Turn | None] = {None: None}
    damaged: list[str] = []
    for turn_row in turn_rows:
        turn, columns = read_turn(turn_row, read_trace(turn_id(row["id"], turn_row["number"])))
        columns += ["place"] if turn_row["parent"] not in known else []
        damaged += [f"{column} of {turn.id}" for column in columns]
        turn.parent = known.get(turn_row["parent"])
        known[turn_row["number"]] = turn
    turns = [turn for turn in known.values() if turn is not None]
    damaged += ["the place that was read last"] if row["leaf"] not in known else []
    conversation.damaged = tuple(damaged)
    conversation.turns = [turn for turn in turns if turn.messages()]
    conversation.leaf = known.get(row["leaf"])
    return conversation, _unanswered(turns, conversation)


def _unanswered(turns: list[Turn], conversation: Conversation) -> str:
    last = turns[-1] if turns else None
    if last is None or last.messages() or last.begun or last.parent is not conversation.leaf:
        return ""
    return last.prompt


def _update_conversation(connection: sqlite3.Connection, conversation: str, values: Values) -> None:
    sets = ", ".join(f"{column} = ?" for column in values)
    connection.execute(f"UPDATE conversations SET {sets} WHERE id = ?", [*values.values(), conversation])


def _id_of_name(connection: sqlite3.Connection, conversation: Conversation) -> str:
    if not conversation.is_named:
        return ""
    found = connection.execute(
        "SELECT id FROM conversations WHERE deleted IS NULL AND title = ? ORDER BY changed DESC LIMIT 1",
        [storable(conversation.title)],
    ).fetchone()
    return found["id"] if found else ""


def _unused_id(connection: sqlite3.Connection) -> str:
    while True:
        candidate = fresh_id()
        if not connection.execute("SELECT 1 FROM conversations WHERE id = ?", [candidate]).fetchone():
            return candidate


def _number_of(identity: str) -> int | None:
    return parse_id(identity)[1]
