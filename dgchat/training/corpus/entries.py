"""The hand-written part of the corpus: entries that pair one answer with many ways of asking for it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dgchat.errors import DgchatError

CORPUS_FOLDER = Path(__file__).parent
FAMILY_FOLDERS = {"fact": "facts/*.toml", "small_talk": "small_talk/*.toml", "fallback": "fallback.toml"}
_FIELDS = {"id", "answer", "ask", "unseen"}


class CorpusError(DgchatError):
    """A flaw in the corpus' text: a malformed entry, or one phrasing claimed by two entries."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer and the user's phrasings that lead to it."""

    id: str
    """Unique over all families."""
    family: str
    """`fact`, `small_talk` or `fallback`."""
    answer: str
    """The only right answer."""
    ask: tuple[str, ...]
    """Phrasings that are trained."""
    unseen: tuple[str, ...]
    """Phrasings that are never trained: they measure generalisation."""


def normalised(text: str) -> str:
    """Lower-case words and numbers of `text`, joined by one space; apostrophes vanish."""
    words = re.sub(r"[^\w]+|_", " ", re.sub(r"['\u2019]", "", text.lower())).strip()
    return words or " ".join(text.split())


@cache
def load_entries() -> tuple[Entry, ...]:
    """Every entry of the bundled corpus, validated; raise CorpusError naming the first flaw."""
    return read_entries(CORPUS_FOLDER)


def read_entries(folder: Path) -> tuple[Entry, ...]:
    """The entries of the TOML files below `folder`, validated; raise CorpusError naming the first flaw."""
    entries: list[Entry] = []
    for family, pattern in FAMILY_FOLDERS.items():
        for path in sorted(folder.glob(pattern)):
            entries += _read_file(path, family)
    validate(entries)
    return tuple(entries)


def _read_file(path: Path, family: str) -> list[Entry]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CorpusError(f"{path.name} is not TOML: {error}") from error
    entries = []
    for table in document.get("entry", []):
        if set(table) != _FIELDS:
            wrong = ", ".join(sorted(set(table) ^ _FIELDS))
            raise CorpusError(
                f"{path.name}: entry {table.get('id', '?')} has missing or unknown fields: {wrong}"
            )
        ask, unseen = tuple(table["ask"]), tuple(table["unseen"])
        if not ask or not table["answer"].strip():
            raise CorpusError(f"{path.name}: entry {table['id']} has no phrasing or no answer")
        entries.append(Entry(table["id"], family, table["answer"], ask, unseen))
    return entries


def validate(entries: Iterable[Entry]) -> None:
    """Raise CorpusError if entries share an id or a phrasing, or a phrasing is both trained and unseen."""
    ids: set[str] = set()
    owners: dict[str, tuple[str, str]] = {}
    for entry in entries:
        if entry.id in ids:
            raise CorpusError(f"the id {entry.id} is used twice")
        ids.add(entry.id)
        for kind, phrasings in (("ask", entry.ask), ("unseen", entry.unseen)):
            for phrasing in phrasings:
                owner, owner_kind = owners.setdefault(normalised(phrasing), (entry.id, kind))
                if owner != entry.id:
                    raise CorpusError(f"{phrasing!r} belongs to {owner} and to {entry.id}")
                if owner_kind != kind:
                    raise CorpusError(f"{phrasing!r} of {entry.id} is both trained and unseen")
