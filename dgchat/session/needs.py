"""What a command needs before it can act; UsageError says what is missing."""

from __future__ import annotations

from dgchat.errors import UsageError
from dgchat.session.session import Session
from dgchat.session.store.store import Store


def need_idle(session: Session) -> None:
    """That no answer is being written."""
    if session.running is not None:
        raise UsageError("An answer is still being written.", hint="esc stops it and keeps the draft")


def need_model(session: Session) -> None:
    """A model, whose ranges are known."""
    if session.load_error is not None:
        raise UsageError("There is no model.", hint="/retry loads it again")
    if session.info is None:
        raise UsageError("The model is still loading.", hint="its ranges are not known yet")


def need_store(session: Session) -> Store:
    """Where conversations are kept; StoreError if that could not be opened."""
    if session.store_error is not None:
        raise session.store_error
    if session.store is None:
        raise UsageError("Conversations are not stored in this chat.", hint="it runs with --no-save")
    return session.store
