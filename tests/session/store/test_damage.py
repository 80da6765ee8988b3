"""A stored field that cannot be read costs only itself, is told of, and stays on the disk as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from conversations import converse
from dgchat.session.conversation import Conversation
from dgchat.session.store.damage import told_of_damage
from dgchat.session.store.store import Store, store_path

DAMAGED_TURN = {
    "prompt": b"Fi\xffve?",
    "attachments": '[{"name": "a"}]',
    "settings": '{"seed": "seven"}',
    "answer": b"fi\xffve",
    "thought": b"\xff",
    "reason": "bored",
    "stats": "{",
    "parent": 99,
}
"""Column -> what cannot be read."""


def stored_rows(column: str) -> list[object]:
    with closing(sqlite3.connect(store_path())) as connection:
        return [value for (value,) in connection.execute(f"SELECT {column} FROM turns ORDER BY number")]


def damage(column: str, value: object) -> None:
    with closing(sqlite3.connect(store_path(), isolation_level=None)) as connection:
        connection.execute(f"UPDATE turns SET {column} = ? WHERE number = 2", [value])


@pytest.mark.parametrize("column", DAMAGED_TURN)
def test_a_damaged_column_is_named_with_its_turn_and_kept(store: Store, column: str) -> None:
    identity = converse(store, ("Three?", "three"), ("Five?", "five")).id
    damage(column, DAMAGED_TURN[column])
    conversation, _ = store.load(identity)
    name = "place" if column == "parent" else column
    assert conversation.damaged == (f"{name} of {identity}.2",)
    assert len(conversation.turns) == 2
    assert stored_rows(column)[1] == DAMAGED_TURN[column]


def test_of_settings_that_are_damaged_in_one_field_the_others_stay(store: Store) -> None:
    identity = converse(store, ("Three?", "three"), ("Five?", "five")).id
    damage("settings", '{"seed": "seven", "steps": 5}')
    turn = store.load(identity)[0].turns[1]
    assert (turn.settings.seed, turn.settings.steps) == (None, 5)


def test_a_place_that_does_not_exist_is_told_of(store: Store) -> None:
    identity = converse(store, ("Three?", "three")).id
    with closing(sqlite3.connect(store_path(), isolation_level=None)) as connection:
        connection.execute("UPDATE conversations SET leaf = 99")
    assert store.load(identity)[0].damaged == ("the place that was read last",)


def test_what_is_whole_or_of_another_version_is_not_called_damaged(store: Store) -> None:
    identity = converse(store, ("Three?", "three"), ("Five?", "five")).id
    damage("settings", '{"seed": 7, "of another version": 1}')
    killed = "UPDATE turns SET reason = NULL, stats = NULL WHERE number = 1"
    with closing(sqlite3.connect(store_path(), isolation_level=None)) as connection:
        connection.execute(killed)
    assert store.load(identity)[0].damaged == ()
    assert Conversation().damaged == ()


def test_it_is_one_line_however_much_it_is() -> None:
    assert told_of_damage(()) == ""
    line = told_of_damage([f"stats of k7f3q.{number}" for number in range(1, 8)])
    assert "stats of k7f3q.1, stats of k7f3q.2, stats of k7f3q.3 and 4 more" in line
    assert "\n" not in line
