"""Rows of the database as what the program knows, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar, cast, get_args, get_type_hints

from dgchat.engine.events import Finished, FinishReason, GenerationStats
from dgchat.engine.trace import Trace
from dgchat.session.attachments import Attachment
from dgchat.session.store.ids import turn_id
from dgchat.session.store.stored_trace import StoredTrace
from dgchat.session.turn import Turn, TurnSettings

Values = dict[str, object]
"""Column -> value."""

Record = TypeVar("Record", TurnSettings, GenerationStats)


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation as a list shows it."""

    id: str
    """What a person types to name it."""
    title: str
    """Untrusted, like every text that was typed or written by a model."""
    created: float
    """Seconds since 1970."""
    changed: float
    """Seconds since 1970; when something was last asked, answered or renamed."""
    turns: int
    """Turns that have an answer or a draft, on all branches."""
    model: str
    """Who answered last."""
    deleted: float | None
    """Seconds since 1970; None unless it was deleted."""
    found: str = ""
    """What was searched for, among the words around it."""


def storable(text: str) -> str:
    """The text without half characters, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def asked_values(turn: Turn) -> Values:
    """What is known of a turn once it has been sent."""
    return {
        "asked": turn.asked,
        "prompt": storable(turn.prompt),
        "begun": storable(turn.begun),
        "attachments": json.dumps([asdict(attachment) for attachment in turn.attachments]),
        "model": storable(turn.model),
        "settings": json.dumps(asdict(turn.settings)),
    }


def draft_values(turn: Turn) -> Values:
    """What is known of an answer that is being written."""
    return {"answer": storable(turn.text), "model": storable(turn.model)}


def answer_values(turn: Turn) -> Values:
    """What is known of a turn that is over; an answer without a word is none."""
    finished = turn.finished
    return {
        "answer": storable(turn.text) if turn.messages() else None,
        "thought": storable(turn.thought),
        "model": storable(turn.model),
        "reason": finished.reason if finished else FinishReason.CANCELLED,
        "stats": json.dumps(asdict(finished.stats)) if finished else None,
        "error": storable(str(turn.error)) if turn.error else None,
    }


def read_turn(row: sqlite3.Row, read_trace: Callable[[], Trace]) -> tuple[Turn, list[str]]:
    """A stored turn, its parent not yet known, and the columns of it that are damaged; an answer whose writer
    was killed is one that was stopped.

    Of a damaged row all is read that still makes sense: no word is lost for a field beside it.
    """
    columns = _Columns(row)
    turn = Turn(
        prompt=columns.text("prompt"),
        settings=columns.record(TurnSettings, "settings"),
        begun=columns.text("begun"),
        attachments=columns.attachments(),
        trace=StoredTrace(read_trace),
        id=turn_id(row["conversation"], row["number"]),
        asked=row["asked"],
        model=columns.text("model"),
    )
    if row["answer"] is not None:
        new = columns.text("answer")[len(turn.begun) :]
        stats = columns.record(GenerationStats, "stats") if row["stats"] is not None else GenerationStats()
        turn.finished = Finished(new, columns.text("thought"), columns.reason(), stats)
    return turn, columns.damaged


class _Columns:
    """Reads the columns of a turn, and notes which of them are not what was written there."""

    def __init__(self, row: sqlite3.Row) -> None:
        self._row = row
        self.damaged: list[str] = []

    def text(self, column: str) -> str:
        """A text; bytes that are none are shown as far as they go."""
        value = self._row[column]
        if isinstance(value, str):
            return value
        self.damaged.append(column)
        return _text(value)

    def record(self, kind: type[Record], column: str) -> Record:
        """The stored fields that are still known and what they should be, defaults for the others."""
        stored = _parsed(self._row[column])
        given = cast("dict[str, Any]", stored if isinstance(stored, dict) else {})
        types = get_type_hints(kind)
        known = {each.name: given[each.name] for each in fields(kind) if each.name in given}
        fitting = {name: value for name, value in known.items() if _fits(value, types[name])}
        if len(fitting) < len(known) or not isinstance(stored, dict):
            self.damaged.append(column)
        return kind(**fitting)

    def attachments(self) -> tuple[Attachment, ...]:
        """The files that were sent along, without those that cannot be read."""
        stored = _parsed(self._row["attachments"])
        read = tuple(_attachments(stored))
        if not isinstance(stored, list) or len(read) < len(cast("list[object]", stored)):
            self.damaged.append("attachments")
        return read

    def reason(self) -> FinishReason:
        """Why the answer ended; there is none as long as it is being written."""
        stored = self._row["reason"]
        reasons = [reason for reason in FinishReason if reason == stored]
        if stored is not None and not reasons:
            self.damaged.append("reason")
        return reasons[0] if reasons else FinishReason.CANCELLED


def _fits(value: object, wanted: Any) -> bool:
    """Whether a value from JSON is of an annotated type; a whole number is a float as well."""
    kinds = get_args(wanted) or (wanted,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (isinstance(value, int) and float in kinds)


def _attachments(stored: object) -> Iterator[Attachment]:
    for attached in cast("list[object]", stored) if isinstance(stored, list) else []:
        try:
            given = cast("dict[str, Any]", attached)
            yield Attachment(_text(given["name"]), int(given["num_bytes"]), _text(given["text"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue


def _parsed(text: object) -> object:
    try:
        return json.loads(cast("str", text))
    except (ValueError, TypeError, RecursionError):
        return None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
