"""Files that a prompt names as `@path`, or `@"path with spaces"`: their text goes along with what is sent."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from dgchat.errors import UsageError
from dgchat.hub.sizes import rounded

MAX_FILE_BYTES = 300_000
"""A longer file would not fit into a conversation."""

_MENTION = re.compile(r"""(?<!\S)@(?:"([^"\n]+)"|([^\s"]+))""")
_TRAILING = ".,;:!?)'"
"""What ends a sentence rather than a path."""

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif"})


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    """The path as it was typed."""
    num_bytes: int
    """Its size in the file."""
    text: str
    """What is in it."""


def find_mentions(prompt: str) -> list[str]:
    """The paths behind an @ that starts a word, in their order and each of them once."""
    return list(dict.fromkeys(quoted or bare for quoted, bare in _MENTION.findall(prompt)))


def read_attachments(
    prompt: str, folder: Path, ignored: Collection[str] = ()
) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """The files that `prompt` mentions, seen from `folder`, and the mentions that name nothing there.

    Mentions in `ignored` are only text. UsageError for a file that is too long, no text, or unreadable.
    """
    attached: list[Attachment] = []
    missing: list[str] = []
    for mention in find_mentions(prompt):
        if mention in ignored:
            continue
        name = _existing(mention, folder)
        if name is None:
            missing.append(mention)
        elif all(name != attachment.name for attachment in attached):
            attached.append(_read(name, folder))
    return tuple(attached), tuple(missing)


def with_attachments(prompt: str, attachments: Collection[Attachment]) -> str:
    """The prompt and, below it, each file under its name, fenced so that no line of it can end the fence."""
    parts = [prompt]
    for attachment in attachments:
        longest = max(map(len, re.findall(r"`+", attachment.text)), default=0)
        fence = "`" * max(3, longest + 1)
        body = attachment.text.rstrip("\n")
        parts.append(f"{attachment.name}:\n{fence}\n{body}\n{fence}")
    return "\n\n".join(parts)


def located(name: str, folder: Path) -> Path:
    """The path that a typed name stands for; RuntimeError where ~ names nobody."""
    return folder / Path(name).expanduser()


def _existing(mention: str, folder: Path) -> str | None:
    """The mention, or it without the punctuation behind it, whichever names something."""
    for name in (mention, mention.rstrip(_TRAILING)):
        try:
            if name and located(name, folder).exists():
                return name
        except (OSError, RuntimeError, ValueError):  # too long, not allowed, nobody's home, a NUL
            continue
    return None


def _read(name: str, folder: Path) -> Attachment:
    path = located(name, folder)
    try:
        status = path.stat()
        if S_ISDIR(status.st_mode):
            raise UsageError(f"{name} is a folder", hint="name a file in it")
        if not S_ISREG(status.st_mode):
            raise UsageError(f"{name} is no regular file")
        if status.st_size > MAX_FILE_BYTES:
            limit = rounded(MAX_FILE_BYTES)
            raise UsageError(f"{name} has {rounded(status.st_size)}; at most {limit} go along with a prompt")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    return Attachment(name, len(data), _decoded(name, data))


def _decoded(name: str, data: bytes) -> str:
    if Path(name).suffix.lower() in _IMAGES:
        raise UsageError(f"{name} is an image; only text goes along with a prompt")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{name} is no text in UTF-8; only text goes along with a prompt")
    return text.replace("\r\n", "\n")
