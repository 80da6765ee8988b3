"""Opens the database, for nobody but its owner, and says in words what is wrong with it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from dgchat.errors import StoreError
from dgchat.session.store.schema import check_version, migrate

BUSY_SECONDS = 5.0
"""How long to wait for another window that is writing."""

_RETRY_SECONDS = 0.02

_REASONS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room; it is tried again with the next prompt"),
    sqlite3.SQLITE_READONLY: ("it cannot be written", "--no-save chats without storing"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "--no-save chats without storing"),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "move it away to begin a new one"),
    sqlite3.SQLITE_NOTADB: ("it is damaged, or no database", "move it away to begin a new one"),
    sqlite3.SQLITE_BUSY: ("another program keeps it locked", "it is tried again with the next prompt"),
}
"""By primary error code: what is wrong, what to do."""


def open_database(path: Path) -> sqlite3.Connection:
    """A connection that commits by itself, tables at their present version; StoreError says what is wrong.

    The file is made with mode 0600 in a directory of mode 0700; one of another version is left as it is.
    """
    connection: sqlite3.Connection | None = None
    try:
        _make_private(path)
        connection = connect(path)
        check_version(connection)
        _log_ahead(connection)
        migrate(connection)
    except (sqlite3.Error, OSError, StoreError) as error:
        if connection is not None:
            connection.close()
        raise explain(error, path) from error
    return connection


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; while another window does, sqlite fails at once instead of waiting."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(_RETRY_SECONDS)
        else:
            return


def connect(path: Path) -> sqlite3.Connection:
    """One more connection to the database, to be used by one thread at a time."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def explain(error: Exception, path: Path) -> StoreError:
    """What is wrong with the database, in one line."""
    reason, hint = str(error), "--no-save chats without storing"
    if isinstance(error, StoreError):
        reason, hint = error.message, error.hint or hint
    elif isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        reason, hint = _REASONS.get((code or 0) & 0xFF, (reason, hint))
    elif isinstance(error, OSError):
        reason = error.strerror or reason
    return StoreError(f"Conversations are not stored in {path}: {reason}.", hint=hint)


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        # Only ever a file that was not there: closing an open one would drop the locks of this process.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
