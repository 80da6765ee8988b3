"""What `dgchat batch` was asked to do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from dgchat.engine.events import DEFAULT_BATCH_SIZE
from dgchat.settings import Settings

STREAM = "-"
"""As input: standard input; as output: standard output."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    source: str
    """File of prompts, or `-`."""
    output: str = STREAM
    """File of answers, or `-`."""
    format: str | None = None
    """`jsonl`, `csv` or `lines`; None: by the suffix of the file."""
    column: str = "prompt"
    """The column of a CSV that holds the prompts."""
    size: int = DEFAULT_BATCH_SIZE
    """Rows that are denoised together."""
    again: bool = False
    """Answer all rows, also those that the output holds already."""

    @property
    def output_file(self) -> Path | None:
        """The file of answers; None for standard output."""
        return None if self.output == STREAM else Path(self.output)


def settings_digest(settings: Settings) -> str:
    """What the answers are a function of besides their rows, in 16 hexadecimal digits."""
    asked = (settings.model, settings.steps, settings.max_tokens, settings.seed)
    return digest(json.dumps([*asked, settings.thinking, settings.system]).encode())


def digest(raw: bytes) -> str:
    """16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(raw).hexdigest()[:16]
