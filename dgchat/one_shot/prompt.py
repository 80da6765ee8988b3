"""Where a one-shot's prompt comes from, and what makes it unusable."""

from __future__ import annotations

import re
from typing import TextIO

from dgchat.errors import UsageError

FROM_STDIN = "-"
"""As a prompt: read it from standard input."""

MAX_PROMPT_BYTES = 16 * 2**20
"""Longer input is refused before it is tokenised; no context is nearly as long."""

_IMAGE = re.compile(
    r"(?:^|\s)@(\S+\.(?:png|jpe?g|gif|webp|bmp|tiff?|heic|avif))(?=[\s,.;:!?)]|$)", re.IGNORECASE
)


def read_stdin(stream: TextIO | None) -> str:
    """All of standard input as text, empty if it is closed; UsageError if it is too much or no text."""
    if stream is None:
        return ""
    raw = stream.buffer.read(MAX_PROMPT_BYTES + 1)
    if len(raw) > MAX_PROMPT_BYTES:
        raise UsageError(f"standard input is longer than {MAX_PROMPT_BYTES // 2**20} MiB; that is no prompt")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input is not UTF-8 text (byte {error.start})") from error


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
    check_text(text, "the prompt")
    if image := _IMAGE.search(text):
        raise UsageError(f"@{image[1]}: images are not read yet", hint="ask with text alone")
    return text
