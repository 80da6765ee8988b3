"""Where a one-shot's prompt comes from, and what makes it unusable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from dgchat.errors import UsageError

FROM_STDIN = "-"
"""As a prompt: read it from standard input."""

MAX_PROMPT_BYTES = 16 * 2**20
"""Longer input is refused before it is tokenised; no context is nearly as long."""

INPUT = "{input}"
"""Where a template takes the prompt."""

_BETWEEN_PARTS = "\n\n"
_IMAGE = re.compile(
    r"(?:^|\s)@(\S+\.(?:png|jpe?g|gif|webp|bmp|tiff?|heic|avif))(?=[\s,.;:!?)]|$)", re.IGNORECASE
)


def join_parts(parts: Sequence[str], stdin: TextIO | None) -> str:
    """The parts in the order they were given, a blank line between two: `-` is standard input, `@FILE` that
    file's text, anything else itself. UsageError if one cannot be read or is no text.
    """
    if parts.count(FROM_STDIN) > 1:
        raise UsageError("standard input can be read only once")
    texts = [read_stdin(stdin) if part == FROM_STDIN else _text_of(part) for part in parts]
    return _BETWEEN_PARTS.join(texts) if len(texts) == 1 else _BETWEEN_PARTS.join(map(_trimmed, texts))


def fill_template(template: str, text: str) -> str:
    """The template with the text wherever it says `{input}`; other braces stay. UsageError if it says it
    nowhere.
    """
    if INPUT not in template:
        raise UsageError(f"--template has no {INPUT}", hint=f"--template 'Summarise: {INPUT}'")
    check_text(template, "the template")
    return template.replace(INPUT, text)


def read_stdin(stream: TextIO | None) -> str:
    """All of standard input as text, empty if it is closed; UsageError if it is too much or no text."""
    if stream is None:
        return ""
    return _decoded(stream.buffer.read(MAX_PROMPT_BYTES + 1), "standard input")


def read_text(path: Path) -> str:
    """All of a file as text; UsageError if it cannot be read, is too much or no text."""
    try:
        with path.open("rb") as file:
            return _decoded(file.read(MAX_PROMPT_BYTES + 1), str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def check_text(text: str, what: str) -> None:
    """UsageError unless `text` is whole characters: an argument may be any bytes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not valid UTF-8") from error


def check_prompt(text: str) -> str:
    """The prompt, if it can be asked; UsageError otherwise."""
    if not text.strip():
        raise UsageError("the prompt is empty", hint='say something: dgchat --prompt "hello"')
    return text


def check_written(text: str) -> str:
    """A prompt as somebody wrote it, if it is whole characters and names no image; UsageError otherwise."""
    check_text(text, "the prompt")
    if image := _IMAGE.search(text):
        raise UsageError(f"@{image[1]}: images are not read yet", hint="ask with text alone")
    return text


def _text_of(part: str) -> str:
    check_written(part)
    named = part[1:] if part.startswith("@") else ""
    if not named or not _names_file(named):
        return part
    return read_text(Path(named).expanduser())


def _names_file(name: str) -> bool:
    """Whether `@name` means a file: one that is there, or a name that can be nothing else."""
    try:
        return Path(name).expanduser().is_file() or not any(character.isspace() for character in name)
    except (OSError, RuntimeError, ValueError):
        return False


def _trimmed(text: str) -> str:
    return text.strip("\r\n")


def _decoded(raw: bytes, what: str) -> str:
    if len(raw) > MAX_PROMPT_BYTES:
        raise UsageError(f"{what} is longer than {MAX_PROMPT_BYTES // 2**20} MiB; that is no prompt")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{what} is not UTF-8 text (byte {error.start})") from error
