"""Which earlier conversation a chat is to go on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgchat.errors import UsageError

if TYPE_CHECKING:  # brings sqlite3 and the store, which `dgchat --help` does without
    from dgchat.session.store.records import Summary
    from dgchat.session.store.store import Store


_NEEDS = {
    "--resume": "--resume needs an id or words of a conversation",
    "--session": "--session needs the name of a conversation, old or new",
}


@dataclass(frozen=True, slots=True)
class PastWanted:
    text: str
    """An id, or words of the conversation; empty for the last one."""


def wanted_past(resume: str | None, session: str | None, *, goes_on: bool) -> PastWanted | None:
    """What --resume, --session and --continue ask for; None if none was given, UsageError if several were."""
    named = {
        flag: text for flag, text in {"--resume": resume, "--session": session}.items() if text is not None
    }
    given = ["--continue", *named] if goes_on else [*named]
    if len(given) > 1:
        words = f"{' and '.join(given)} exclude each other"
        raise UsageError(words, hint=f"{given[-1]} names the conversation")
    for flag, text in named.items():
        if not text.strip():
            raise UsageError(_NEEDS[flag], hint="--continue takes the last")
        return PastWanted(text.strip())
    return PastWanted("") if goes_on else None


def find_past(store: Store, wanted: PastWanted) -> Summary:
    """The conversation that is meant; UsageError if there is none."""
    return store.find(wanted.text) if wanted.text else store.latest()
