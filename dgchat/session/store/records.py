"""Rows of the database as what the program knows, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar, cast

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


def read_turn(row: sqlite3.Row, read_trace: Callable[[], Trace]) -> Turn:
    """A stored turn, its parent not yet known; an answer whose writer was killed is one that was stopped."""
    stats = _record(GenerationStats, row["stats"])
    turn = Turn(
        prompt=row["prompt"],
        settings=_record(TurnSettings, row["settings"]),
        begun=row["begun"],
        attachments=tuple(Attachment(**attached) for attached in json.loads(row["attachments"])),
        trace=StoredTrace(read_trace),
        id=turn_id(row["conversation"], row["number"]),
        asked=row["asked"],
        model=row["model"],
    )
    if row["answer"] is not None:
        reason = FinishReason(row["reason"] or FinishReason.CANCELLED)
        new = str(row["answer"])[len(turn.begun) :]
        turn.finished = Finished(new, row["thought"], reason, stats)
    return turn


def _record(kind: type[Record], text: str | None) -> Record:
    """The stored fields that are still known; a version that does not know the others does without them."""
    stored = cast("dict[str, Any]", json.loads(text)) if text else {}
    return kind(**{known.name: stored[known.name] for known in fields(kind) if known.name in stored})
