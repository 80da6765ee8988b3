"""`--continue` and `--session` of a one-shot: it takes up a stored conversation and adds its turn to it, or
begins one of that name.
"""

from __future__ import annotations

from typing import Self

from dgchat.engine.events import ChatMessage
from dgchat.errors import StoreError, UsageError
from dgchat.session.conversation import Conversation
from dgchat.session.past import PastWanted, find_past
from dgchat.session.store.damage import told_of_damage
from dgchat.session.store.ids import is_id
from dgchat.session.store.store import Store, store_path
from dgchat.session.turn import Turn
from dgchat.settings import Settings

_LAST_SECONDS = 10.0
"""Another process may be writing just then; longer than the database itself waits for it."""


class Continuing:
    """A stored conversation, and the turn that a one-shot adds to it."""

    def __init__(self, store: Store, conversation: Conversation) -> None:
        self._store = store
        self._conversation = conversation
        self._turn: Turn | None = None

    @classmethod
    def open(cls, wanted: PastWanted, settings: Settings) -> Continuing:
        """The conversation that is meant, or a new one of that name; UsageError or StoreError if neither."""
        if not settings.save:
            raise UsageError("There is nothing to go on with: conversations are not stored.", hint="--save")
        store = Store(store_path())
        try:
            conversation = _found_or_new(store, wanted)
        except Exception:
            store.close()
            raise
        return cls(store, conversation)

    def remarks(self) -> list[str]:
        """What to tell of the conversation: that it is new, or what of it could not be read."""
        begins = "" if self._conversation.id else f"a new conversation begins: {self._conversation.title}"
        return [remark for remark in (begins, told_of_damage(self._conversation.damaged)) if remark]

    def messages(self) -> tuple[ChatMessage, ...]:
        """What has been said on the branch that was read last."""
        return tuple(message for turn in self._conversation.branch for message in turn.messages())

    def begin(self, turn: Turn) -> None:
        """Store the prompt; returns once it is on the disk, StoreError if it cannot be."""
        self._turn, turn.parent = turn, self._conversation.leaf
        if not self._store.add_turn(self._conversation, turn).wait():
            raise self._store.trouble or StoreError("The prompt could not be stored.")

    def keep_draft(self, turn: Turn) -> None:
        """Store the answer as far as it is."""
        self._store.keep_draft(turn)

    def end_with(self, result: Turn) -> None:
        """The turn's answer is that of `result`, which is another turn if the answer was refined."""
        begun = self._turn
        assert begun is not None
        result.id, result.parent, result.asked = begun.id, begun.parent, begun.asked
        result.model = result.model or begun.model
        self._turn = result
        self._conversation.add(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what there is of the turn; StoreError, unless something else went wrong, says what could not
        be written.
        """
        if self._turn is not None and self._turn.id:
            self._store.finish_turn(self._turn)
        unwritten = self._store.close(_LAST_SECONDS)
        if unwritten and kind is None:
            raise self._store.trouble or StoreError("The answer could not be stored.")


def _found_or_new(store: Store, wanted: PastWanted) -> Conversation:
    try:
        return store.load(find_past(store, wanted).id)[0]
    except UsageError:
        if not _is_name(wanted.text):
            raise
    return Conversation(title=wanted.text, is_named=True)


def _is_name(text: str) -> bool:
    """Whether a new conversation may be called so: a word, and none that an id could be."""
    return len(text.split()) == 1 and text.isprintable() and not is_id(text)
