"""One connection to a keeper that asks for the engine."""

from __future__ import annotations

import socket
from contextlib import suppress
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread

from dgchat.stream.lines import line_of


class Visit:
    """Made and fed by the thread that reads the connection, served by the one with the engine; a third sends,
    so that the engine never waits for a slow reader.
    """

    def __init__(self, connection: socket.socket, keep_seconds: int | None) -> None:
        self._connection = connection
        self._outbox: SimpleQueue[str | None] = SimpleQueue()
        self.inbox: SimpleQueue[bytes | None] = SimpleQueue()
        """Lines that came; None once there will be no more."""
        self.keep_seconds = keep_seconds
        """How long the visitor wants the keeper to stay; None to leave that as it is."""
        self.cancelled = Flag()
        """Set once the visitor has gone."""
        self._sender = Thread(target=self._send, daemon=True)
        self._sender.start()

    def leave(self) -> None:
        """The visitor asks nothing more."""
        self.cancelled.set()
        self.inbox.put(None)

    def tell(self, event: str, **fields: object) -> None:
        """Send a line that is no part of an answer's stream."""
        self.pass_on(line_of({"keeper": event, **fields}))

    def pass_on(self, line: str) -> None:
        """Send a line as it is."""
        self._outbox.put(line)

    def end(self) -> None:
        """Close the connection once all is sent."""
        self._outbox.put(None)

    def wait_until_sent(self, timeout_seconds: float) -> None:
        """Give the sender time to send what there is."""
        self._sender.join(timeout_seconds)

    def _send(self) -> None:
        with suppress(OSError), self._connection:
            while (line := self._outbox.get()) is not None:
                self._connection.sendall(line.encode())
            self._connection.shutdown(socket.SHUT_RDWR)
        self.cancelled.set()
