"""`dgchat ps` and `dgchat stop`: the models that are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from dgchat.errors import DgchatError, StreamError
from dgchat.keep.place import Place, places_in
from dgchat.keep.talk import STATUS, STOP, hear, say
from dgchat.paths import runtime_dir
from dgchat.posix import CAN_KEEP, connect, try_lock
from dgchat.safe_text import visible
from dgchat.stream.lines import fields_of

_PATIENCE_SECONDS = 5.0
_COLUMNS = ("pid", "model", "device", "state", "age", "idle", "expires")

Status = Mapping[str, object]


def run_ps(out: TextIO, *, json_wanted: bool) -> int:
    """Write a line for every kept model, or one JSON array."""
    found = [status for _, status in _keepers(runtime_dir())]
    if json_wanted:
        out.write(json.dumps(found) + "\n")
        return 0
    rows = [_COLUMNS, *map(_row, found)] if found else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        out.write("  ".join(cells).rstrip() + "\n")
    return 0


def run_stop(pid: int | None, err: TextIO) -> int:
    """End the keeper with that pid, or all, and wait until they have gone; DgchatError if there is none."""
    stopped = [
        (place, status) for place, status in _keepers(runtime_dir()) if pid in (None, status.get("pid"))
    ]
    if not stopped:
        raise DgchatError(
            "no model is kept" if pid is None else f"no model is kept by process {pid}",
            hint="dgchat ps lists them",
        )
    for place, status in stopped:
        _ask(place, STOP)
        err.write(f"dgchat: stopped {_row(status)[1]} (process {status.get('pid')})\n")
    return 0


def _keepers(folder: Path) -> list[tuple[Place, Status]]:
    """Every keeper that answers; what a dead one has left behind is taken away."""
    found: list[tuple[Place, Status]] = []
    for place in places_in(folder) if CAN_KEEP else []:
        status = _ask(place, STATUS)
        if status:
            found.append((place, status))
        elif (lock := try_lock(place.lock)) is not None:
            place.socket.unlink(missing_ok=True)
            os.close(lock)
    return found


def _ask(place: Place, what: str) -> Status | None:
    """What the keeper says, once it has closed the connection; None if that is nothing."""
    try:
        with connect(place.socket, _PATIENCE_SECONDS) as connection:
            say(connection, {"ask": what})
            lines: Sequence[bytes] = [*hear(connection)]
            return fields_of(lines[0]).raw if lines else None
    except (OSError, StreamError):
        return None


def _row(status: Status) -> tuple[str, ...]:
    texts = [str(status.get(name, "")) for name in ("pid", "model", "device", "state")]
    times = [_duration(status.get(f"{name}_seconds")) for name in ("age", "idle", "expires_in")]
    return tuple(visible(text, newlines=False) or "(bundled)" for text in (*texts, *times))


def _duration(seconds: object) -> str:
    """`42 s`, `9 min`, `3 h`."""
    if not isinstance(seconds, int | float):
        return "?"
    for least, unit, size in ((7200, "h", 3600), (120, "min", 60)):
        if seconds >= least:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
