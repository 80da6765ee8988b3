"""Lists of words that fill the corpus' templates."""

from __future__ import annotations

import tomllib
from functools import cache

from dgchat.training.corpus.entries import CORPUS_FOLDER, CorpusError


@cache
def words(name: str) -> tuple[str, ...]:
    """The list `name` of the files in `slots/`; its values are unique."""
    values = tuple(value for part in _lists()[name].split(",") if (value := " ".join(part.split())))
    if len(set(values)) != len(values):
        raise CorpusError(f"the list {name} holds {next(v for v in values if values.count(v) > 1)!r} twice")
    return values


@cache
def pairs(name: str) -> tuple[tuple[str, str], ...]:
    """The list `name` of `left:right` values."""
    return tuple((left, right) for left, _, right in (value.partition(":") for value in words(name)))


@cache
def _lists() -> dict[str, str]:
    lists: dict[str, str] = {}
    for path in sorted((CORPUS_FOLDER / "slots").glob("*.toml")):
        lists |= tomllib.loads(path.read_text(encoding="utf-8"))
    return lists
