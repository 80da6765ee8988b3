"""A recording as a file; the suffix of the name chooses the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from dgchat.errors import DgchatError, UsageError
from dgchat.replay.cast import as_cast
from dgchat.replay.jsonl import as_jsonl
from dgchat.replay.palette import Palette
from dgchat.replay.player import as_html
from dgchat.replay.recording import Recording
from dgchat.replay.svg import as_svg

_WRITERS: Mapping[str, Callable[[Recording, Palette], str]] = {
    ".html": as_html,
    ".svg": as_svg,
    ".cast": as_cast,
    ".jsonl": lambda recording, palette: as_jsonl(recording),
}

SUFFIXES = tuple(_WRITERS)
"""What a name may end in."""


def export_recording(recording: Recording, name: str, palette: Palette) -> Path:
    """Write the recording to a new file and say where; DgchatError if that fails, or if the file is there."""
    path = Path(name.strip()).expanduser()
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UsageError(f"{name!r} names no format", hint=f"end it in {', '.join(SUFFIXES)}")
    if path.exists():
        raise _taken(path)
    text = writer(recording, palette)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise DgchatError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def free_name(folder: Path | None = None) -> str:
    """A name that no file has yet."""
    names = (f"replay-{number}.html" for number in count(1))
    return next(name for name in names if not ((folder or Path()) / name).exists())


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} is there already", hint="choose another name")
