"""Which earlier conversation a chat is to go on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgchat.errors import UsageError

if TYPE_CHECKING:  # brings sqlite3 and the store, which `dgchat --help` does without
    from dgchat.session.store.records import Summary
    from dgchat.session.store.store import Store


@dataclass(frozen=True, slots=True)
class PastWanted:
    text: str
    """An id, or words of the conversation; empty for the last one."""


def wanted_past(resume: str | None, *, goes_on: bool) -> PastWanted | None:
    """What --resume and --continue ask for; None if neither was given, UsageError if both were."""
    if resume is None:
        return PastWanted("") if goes_on else None
    if goes_on:
        raise UsageError("--continue and --resume exclude each other", hint="--resume names the conversation")
    if not resume.strip():
        raise UsageError("--resume needs an id or words of a conversation", hint="--continue takes the last")
    return PastWanted(resume.strip())


def find_past(store: Store, wanted: PastWanted) -> Summary:
    """The conversation that is meant; UsageError if there is none."""
    return store.find(wanted.text) if wanted.text else store.latest()
