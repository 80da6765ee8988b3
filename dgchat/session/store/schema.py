"""The tables of the database, one step of statements for each version."""

from __future__ import annotations

import sqlite3

from dgchat.errors import StoreError

APPLICATION_ID = 0x6467_6368
"""Marks the file as ours."""

_CONVERSATIONS = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created REAL NOT NULL,  -- seconds since 1970, here and below
    changed REAL NOT NULL,
    leaf INTEGER,           -- number of the turn that the branch read last ends with; NULL: all taken back
    deleted REAL            -- NULL unless it was deleted; it can be brought back until it is erased
)"""

_TURNS = """
CREATE TABLE turns (
    key INTEGER PRIMARY KEY,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    parent INTEGER,         -- number of the turn before it; NULL for a first one
    asked REAL NOT NULL,
    prompt TEXT NOT NULL,
    begun TEXT NOT NULL,    -- what the answer goes on from
    attachments TEXT NOT NULL, -- JSON
    model TEXT NOT NULL,
    settings TEXT NOT NULL, -- JSON, the seed drawn
    answer TEXT,            -- NULL as long as there is none, else all of it or the draft so far
    thought TEXT NOT NULL DEFAULT '',
    reason TEXT,            -- NULL as long as it is being written
    stats TEXT,             -- JSON
    error TEXT,             -- why there is no answer
    UNIQUE (conversation, number)
)"""

_TRACES = """
CREATE TABLE traces (
    turn INTEGER PRIMARY KEY REFERENCES turns (key) ON DELETE CASCADE,
    packed BLOB NOT NULL    -- engine/trace_codec.py
)"""

_WORDS = """
CREATE VIRTUAL TABLE words USING fts5 (
    prompt, answer, content = 'turns', content_rowid = 'key', tokenize = 'trigram'
)"""

_ADD_WORDS = "INSERT INTO words (rowid, prompt, answer) VALUES (new.key, new.prompt, new.answer)"
_DROP_WORDS = (
    "INSERT INTO words (words, rowid, prompt, answer) VALUES ('delete', old.key, old.prompt, old.answer)"
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        _CONVERSATIONS,
        "CREATE INDEX conversations_by_change ON conversations (changed)",
        _TURNS,
        _TRACES,
        _WORDS,
        f"CREATE TRIGGER words_added AFTER INSERT ON turns BEGIN {_ADD_WORDS}; END",
        f"CREATE TRIGGER words_dropped AFTER DELETE ON turns BEGIN {_DROP_WORDS}; END",
        f"CREATE TRIGGER words_changed AFTER UPDATE OF prompt, answer ON turns"
        f" BEGIN {_DROP_WORDS}; {_ADD_WORDS}; END",
    ),
)
"""What makes version 1 of nothing, version 2 of version 1, and so on."""


def check_version(connection: sqlite3.Connection) -> None:
    """StoreError for a file that a newer dgchat or another program wrote; it is not touched."""
    version, known = _number(connection, "user_version"), len(MIGRATIONS)
    if version > known:
        raise StoreError(f"it is from a newer dgchat (version {version}, known is {known})", "update dgchat")
    is_ours = _number(connection, "application_id") == APPLICATION_ID
    has_tables = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if has_tables and not is_ours:
        raise StoreError("it is a database of another program", "move it away")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the present version, all steps or none; another window may be doing the same."""
    if _number(connection, "user_version") == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[_number(connection, "user_version") :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
