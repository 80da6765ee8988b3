"""Stored conversations for scripts: data on stdout, narration on stderr."""

from __future__ import annotations

import json as json_format
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from time import time
from typing import TextIO

from dgchat.errors import StoreError, UsageError
from dgchat.safe_text import visible
from dgchat.session.age import age
from dgchat.session.conversation import Conversation
from dgchat.session.store.damage import told_of_damage
from dgchat.session.store.ids import parse_id
from dgchat.session.store.records import Summary
from dgchat.session.store.store import ERASE_AFTER_DAYS, Store, store_path
from dgchat.session.store.writer import Ticket
from dgchat.session.transcript_file import as_text, write_conversation

_TITLE_WIDTH = 60


def run_list(text: str, out: TextIO, *, deleted: bool, json: bool) -> int:
    """One line for each conversation, or one JSON array."""
    with _open_store() as store:
        summaries = store.summaries(text, deleted=deleted) if store else []
    if json:
        out.write(json_format.dumps([asdict(summary) for summary in summaries], indent=2) + "\n")
    else:
        out.writelines(_line(summary) + "\n" for summary in summaries)
    return 0


def run_show(which: str, out: TextIO, err: TextIO, *, json: bool) -> int:
    """The conversation as text that can be shown anywhere, or as JSON."""
    with _need_store(which) as store:
        conversation = _load(store, which, err)
        text = as_text(conversation, "json" if json else "md")
    out.write(text if json else visible(text))
    return 0


def run_export(which: str, file: str, form: str, out: TextIO, err: TextIO) -> int:
    """Write the conversation to a file, and print the file's name."""
    with _need_store(which) as store:
        conversation = _load(store, which, err)
        out.write(f"{visible(str(write_conversation(conversation, file, form)), newlines=False)}\n")
    return 0


def run_delete(ids: Sequence[str], err: TextIO, *, now: bool) -> int:
    """Delete these; with `now` erase them, deleted or not."""
    told = (
        "erased" if now else f"deleted; for {ERASE_AFTER_DAYS} days: dgchat sessions restore {' '.join(ids)}"
    )
    return _change(ids, lambda store: store.erase if now else store.delete, told, err)


def run_restore(ids: Sequence[str], err: TextIO) -> int:
    """Bring these back."""
    return _change(ids, lambda store: store.restore, "they are back", err)


def _load(store: Store, which: str, err: TextIO) -> Conversation:
    conversation, _ = store.load(store.find(which).id)
    if damage := told_of_damage(conversation.damaged):
        err.write(f"dgchat: {visible(damage, newlines=False)}\n")
    return conversation


def _change(
    ids: Sequence[str], choose: Callable[[Store], Callable[[str], Ticket]], told: str, err: TextIO
) -> int:
    with _need_store(ids[0]) as store:
        known = {each.id for deleted in (False, True) for each in store.summaries(deleted=deleted, limit=-1)}
        wanted = [parse_id(identity)[0] for identity in ids]
        for identity in wanted:
            if identity not in known:
                raise UsageError(f"There is no conversation {identity}; nothing was changed.")
        tickets = [choose(store)(identity) for identity in wanted]
        if not all(ticket.wait() for ticket in tickets):
            raise store.trouble or StoreError("Nothing was changed.")
    err.write(f"{visible(told, newlines=False)}\n")
    return 0


def _line(summary: Summary) -> str:
    title = visible(" ".join(summary.title.split()), newlines=False)
    title = title if len(title) <= _TITLE_WIDTH else title[: _TITLE_WIDTH - 1] + "…"
    model = visible(summary.model, newlines=False)
    turns = f"{summary.turns} turn{'' if summary.turns == 1 else 's'}"
    return f"{summary.id}  {age(summary.changed, time()):>7}  {turns:>9}  {model:24}  {title}".rstrip()


@contextmanager
def _open_store() -> Generator[Store | None]:
    """The store; None where nothing has been stored yet, and nothing is made."""
    if not store_path().exists():
        yield None
        return
    store = Store(store_path())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _need_store(which: str) -> Generator[Store]:
    with _open_store() as store:
        if store is None:
            raise UsageError(f"There is no conversation {which!r}: nothing is stored yet.")
        yield store
