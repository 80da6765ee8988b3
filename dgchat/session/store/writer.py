"""The one thread that writes, so that nothing else ever waits for a disk it does not want to wait for."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from threading import Event as Flag

from dgchat.errors import StoreError
from dgchat.session.store.database import connect, explain

Job = Callable[[sqlite3.Connection], object]
"""Something to be written, all of it or nothing."""

TroubleListener = Callable[[StoreError | None], object]
"""Told, in the writing thread, why nothing is written any more; None once it is again."""


class Ticket:
    """Whoever handed in a job can wait for it."""

    def __init__(self) -> None:
        self._is_done = Flag()
        self.is_stored = False
        """Whether it is on the disk by now."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the job is done or put off; whether it is on the disk."""
        self._is_done.wait(seconds)
        return self.is_stored

    def settle(self, *, is_stored: bool) -> None:
        """Let everyone go on."""
        self.is_stored = is_stored
        self._is_done.set()


class Writer:
    """Writes jobs in their order. What cannot be written now is kept, and tried again with the next job."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: deque[tuple[Job, Ticket]] = deque()
        self._changed = Condition()
        self._has_news = False
        self._is_closing = False
        self._thread: Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._listener: TroubleListener = lambda trouble: None
        self.trouble: StoreError | None = None
        """Why nothing is written at present."""

    def listen(self, listener: TroubleListener) -> None:
        """Tell of trouble from now on, and of what there is already."""
        self._listener = listener
        if self.trouble is not None:
            listener(self.trouble)

    def put(self, job: Job) -> Ticket:
        """Have the job written; returns at once."""
        ticket = Ticket()
        with self._changed:
            self._jobs.append((job, ticket))
            self._has_news = True
            if self._thread is None:
                self._thread = Thread(target=self._run, name="dgchat-store", daemon=True)
                self._thread.start()
            self._changed.notify()
        return ticket

    def close(self, seconds: float) -> int:
        """Write what is waiting, for so long at most; how many jobs are not on the disk."""
        with self._changed:
            self._is_closing = self._has_news = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)
        return len(self._jobs)

    def _run(self) -> None:
        while not self._is_closing or self._has_news:
            with self._changed:
                self._changed.wait_for(lambda: self._has_news)
                self._has_news = False
            self._write_waiting()
        if self._connection is not None:
            self._connection.close()

    def _write_waiting(self) -> None:
        while self._jobs:
            job, ticket = self._jobs[0]
            try:
                self._write(job)
            except (sqlite3.OperationalError, OSError) as error:
                return self._put_off(error)
            except Exception as error:
                self._take_trouble(explain(error, self._path))
                is_stored = False
            else:
                self._take_trouble(None)
                is_stored = True
            self._jobs.popleft()
            ticket.settle(is_stored=is_stored)
        return None

    def _write(self, job: Job) -> None:
        if self._connection is None:
            self._connection = connect(self._path)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            job(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk has rolled back already
                self._connection.execute("ROLLBACK")
            raise

    def _put_off(self, error: Exception) -> None:
        self._take_trouble(explain(error, self._path))
        with self._changed:
            waiting = list(self._jobs)
        for _, ticket in waiting:
            ticket.settle(is_stored=False)

    def _take_trouble(self, trouble: StoreError | None) -> None:
        is_news = (trouble is None) != (self.trouble is None)
        self.trouble = trouble
        if is_news:
            self._listener(trouble)
