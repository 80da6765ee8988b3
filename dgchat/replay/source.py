"""Where a recording comes from: a file, a pipe, or the stored conversations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO

from dgchat.errors import UsageError
from dgchat.replay.first_format import ReplayFileError
from dgchat.replay.jsonl import read_jsonl
from dgchat.replay.recording import Recording
from dgchat.session.store.ids import is_id, parse_id
from dgchat.session.store.store import Store, store_path
from dgchat.stream import MAX_LINE_BYTES

FROM_STDIN = "-"
"""As a source: read it from standard input."""


def find_recording(source: str, reads: TextIO) -> Recording:
    """What `source` names, `reads` standing for `-`; UsageError or ReplayFileError says why there is none."""
    if source == FROM_STDIN:
        return _read(reads)
    path = Path(source).expanduser()
    if not path.exists():
        if is_id(source):
            return _stored(source)
        raise UsageError(
            f"{source} is neither a file nor the id of a conversation",
            hint="the chat writes a file: /export answer.jsonl",
        )
    try:
        with path.open(encoding="utf-8") as file:
            return _read(file)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror or error}") from error


def _stored(identity: str) -> Recording:
    """A stored turn, or the last one with steps of a conversation."""
    conversation_id, number = parse_id(identity)
    if not store_path().is_file():
        raise UsageError(f"There is no conversation {conversation_id}: nothing is stored yet")
    with closing(Store(store_path())) as store:
        conversation, _ = store.load(conversation_id)
        turns = [turn for turn in conversation.turns if number is None or parse_id(turn.id)[1] == number]
        turn = next((turn for turn in reversed(turns) if len(turn.trace)), None)
        if turn is None:
            raise UsageError(f"No denoising is stored for {identity}")
        return Recording.of(turn, turn.model)


def _read(file: TextIO) -> Recording:
    try:
        return read_jsonl(_bounded_lines(file))
    except UnicodeDecodeError as error:
        raise ReplayFileError("this is no recording of dgchat: it is no text") from error


def _bounded_lines(file: TextIO) -> Iterator[str]:
    """The lines; of one that is too long only as much as shows that it is."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line
