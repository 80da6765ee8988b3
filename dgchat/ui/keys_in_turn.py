"""Keys that come in one burst, one after the other: none overtakes what an earlier one does."""

from __future__ import annotations

from collections import deque
from functools import partial

from textual import events
from textual.app import App
from textual.dom import DOMNode

PATIENCE_SECONDS = 0.5
"""A key waits no longer than this for the one before it: that one may have begun something long."""


class KeysInTurn:
    """Textual hands a key to the widget in focus and takes up the next one, while the first may still be on
    its way back up to the binding that moves the focus. Here the next key waits for it.
    """

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._held: deque[events.Key] = deque()
        self._sent: events.Key | None = None
        self._under_way: events.Key | None = None

    def passes(self, key: events.Key) -> bool:
        """Whether it is the key's turn; if not, it is sent again when it is."""
        if key is not self._sent and (self._held or self._sent or self._under_way):
            self._held.append(key)
            if len(self._held) == 1:
                self._be_patient()
            return False
        self._sent = None
        return True

    def follow(self, key: events.Key, widget: DOMNode) -> None:
        """The key was handed to a widget; the next one waits until it has gone as far as it goes."""
        self._under_way = key
        if self._held:
            self._be_patient()
        self._pass_on(key, widget)

    def next(self) -> None:
        """Let the next key have its turn."""
        if self._under_way is None and self._sent is None and self._held:
            self._sent = self._held.popleft()
            self._app.post_message(self._sent)

    def _be_patient(self) -> None:
        if self._under_way is not None:
            self._app.set_timer(PATIENCE_SECONDS, partial(self._end, self._under_way))

    def _pass_on(self, key: events.Key, node: DOMNode) -> None:
        """Follow the key up: what is called later in a node is called behind the key."""
        if not node.call_later(self._after, key, node):
            self._end(key)

    def _after(self, key: events.Key, node: DOMNode) -> None:
        if node.parent is not None and not getattr(key, "_stop_propagation", False):
            self._pass_on(key, node.parent)
        elif not self._app.call_later(self._end, key):  # behind the focus, if the key has moved it
            self._end(key)

    def _end(self, key: events.Key) -> None:
        if self._under_way is key:
            self._under_way = None
            self.next()
