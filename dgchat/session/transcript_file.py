"""A conversation as a file of one's own: Markdown to read, JSON for programs."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from dgchat.errors import DgchatError, UsageError
from dgchat.session.conversation import Conversation
from dgchat.session.store.records import storable
from dgchat.session.turn import Turn

FORMATS = ("md", "json")
"""What a conversation is written as, and what its file's name ends in."""

_MAX_NAME_BYTES = 80

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""Names that are no files on some systems."""


def wanted_file(argument: str) -> tuple[str, str] | None:
    """File and format of `md`, `json notes.json` or `notes.md`; None if it asks for something else."""
    form, _, file = argument.strip().partition(" ")
    if form.lower() in FORMATS:
        return file.strip(), form.lower()
    return (argument.strip(), "") if Path(argument.strip()).suffix[1:].lower() in FORMATS else None


def as_text(conversation: Conversation, form: str) -> str:
    """The conversation in one of FORMATS: the branch that is being read as Markdown, all of it as JSON."""
    if form == "json":
        return json.dumps(as_json(conversation), ensure_ascii=False, indent=2) + "\n"
    return _as_markdown(conversation)


def as_json(conversation: Conversation) -> dict[str, Any]:
    """Every turn of every branch, with what it was asked for and what it took."""
    branch = {id(turn) for turn in conversation.branch}
    return {
        "id": conversation.id,
        "title": storable(conversation.title),
        "created": _moment(conversation.created),
        "turns": [_turn_as_json(turn, id(turn) in branch) for turn in conversation.turns],
    }


def write_conversation(conversation: Conversation, target: str, form: str = "") -> Path:
    """Write it to a file that was not there, and say which; DgchatError if that cannot be done.

    The name's suffix tells the format unless `form` does. In a folder it gets a name made of the title.
    """
    path = Path(target or ".").expanduser()
    form = form or (path.suffix[1:].lower() if not path.is_dir() else FORMATS[0])
    if form not in FORMATS:
        raise UsageError(f"{target!r} names no format.", hint=f"end it in .{' or .'.join(FORMATS)}")
    text = as_text(conversation, form)
    candidates = _free_names(path, conversation.title, form) if path.is_dir() else iter([path])
    for candidate in candidates:
        try:
            with candidate.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise DgchatError(f"{candidate} cannot be written: {error.strerror or error}.") from error
        return candidate
    raise UsageError(f"{path} is there already; nothing was written.", hint="choose another name")


def file_name(title: str) -> str:
    """A name for a file, without suffix, that is harmless on every system; never empty or hidden."""
    words = unicodedata.normalize("NFC", storable(title)).lower()
    name = re.sub(r"[^\w]+|_+", "-", words).strip("-")
    name = name.encode("utf-8")[:_MAX_NAME_BYTES].decode("utf-8", "ignore").strip("-")
    return f"chat-{name}" if not name or _RESERVED.fullmatch(name) else name


def _free_names(folder: Path, title: str, form: str) -> Iterator[Path]:
    name = file_name(title)
    yield folder / f"{name}.{form}"
    yield from (folder / f"{name}-{number}.{form}" for number in count(2))


def _as_markdown(conversation: Conversation) -> str:
    branch = conversation.branch
    models = ", ".join(dict.fromkeys(turn.model for turn in branch if turn.model))
    told = " · ".join(filter(None, (_day(conversation.created), models)))
    parts = [f"# {_one_line(conversation.title)}", f"*{told}*"]
    for turn in branch:
        parts += ["## You", turn.question.strip(), "## dgchat"]
        if turn.thought.strip():
            parts.append("\n".join(f"> {line}".rstrip() for line in turn.thought.strip().splitlines()))
        parts.append(turn.text.strip())
        if turn.stopped_at is not None:
            parts.append("*stopped here*")
    return storable("\n\n".join(part for part in parts if part)) + "\n"


def _turn_as_json(turn: Turn, is_read: bool) -> dict[str, Any]:
    finished = turn.finished
    return {
        "id": turn.id,
        "parent": turn.parent.id if turn.parent else None,
        "on_branch": is_read,
        "asked": _moment(turn.asked),
        "prompt": storable(turn.prompt),
        "attachments": [asdict(attachment) for attachment in turn.attachments],
        "answer": storable(turn.text),
        "thought": storable(turn.thought),
        "reason": finished.reason if finished else None,
        "model": storable(turn.model),
        "settings": asdict(turn.settings),
        "stats": asdict(finished.stats) if finished else None,
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d}"
