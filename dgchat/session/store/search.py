"""Full-text search as one types: words and parts of words, in any script."""

from __future__ import annotations

LEAST_INDEXED = 3
"""Letters; the index holds every run of three, and what is shorter is looked for in the texts themselves."""

_BEFORE = 12
_AFTER = 60
"""Letters shown around where what was found begins."""


def matching_turns(text: str) -> tuple[str, list[str]]:
    """SQL for the keys of all turns that hold every word of the text, and its parameters."""
    words = text.split()
    indexed = [word for word in words if len(word) >= LEAST_INDEXED]
    clauses: list[str] = []
    parameters: list[str] = []
    if indexed:
        clauses.append("turns.key IN (SELECT rowid FROM words WHERE words MATCH ?)")
        parameters.append(" AND ".join(_quoted(word) for word in indexed))
    for word in words:
        if len(word) < LEAST_INDEXED:
            clauses.append("(turns.prompt || ' ' || coalesce(turns.answer, '')) LIKE ? ESCAPE '\\'")
            parameters.append(like(word))
    return f"SELECT turns.key FROM turns WHERE {' AND '.join(clauses)}", parameters


def like(text: str) -> str:
    """The pattern of LIKE for everything that holds the text; its escape is a backslash."""
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


def found_words(text: str, among: str) -> str:
    """The first of the words with what stands around it, in one line; empty if none is there."""
    line = " ".join(among.split())
    folded = line.lower()
    starts = [folded.find(word.lower()) for word in text.split()]
    start = min((start for start in starts if start >= 0), default=None)
    if start is None:
        return ""
    first, last = max(0, start - _BEFORE), start + _AFTER
    return ("…" if first else "") + line[first:last].strip() + ("…" if last < len(line) else "")


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
