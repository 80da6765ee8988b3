"""What a one-shot is to print, and where: text, JSON or a stream, all of the answer or a part."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dgchat.errors import UsageError
from dgchat.one_shot.refining import RefineWish

FIRST_BLOCK, ALL_BLOCKS = "first", "all"
"""Values of `code`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    json: bool = False
    """One JSON object instead of text."""
    jsonl: bool = False
    """Every event as a line of JSON, as it happens."""
    code: str | None = None
    """FIRST_BLOCK or ALL_BLOCKS of the answer's fenced code; None for all of its text."""
    thought: bool = False
    """The thought instead of the answer."""
    file: Path | None = None
    """Written whole, instead of standard output."""
    refine: RefineWish = field(default_factory=RefineWish)
    """How the answer is gone over before it is printed."""

    def __post_init__(self) -> None:
        """UsageError if two wishes exclude each other."""
        if self.code not in (None, FIRST_BLOCK, ALL_BLOCKS):
            raise UsageError(f"--code={self.code}", hint="it is --code or --code=all")
        wishes = {"--json": self.json, "--jsonl": self.jsonl, "--code": self.code, "--thought": self.thought}
        asked = [flag for flag, is_wanted in wishes.items() if is_wanted]
        if len(asked) > 1:
            raise UsageError(f"{asked[0]} and {asked[1]} exclude each other")
        if self.jsonl and self.refine.rounds:
            raise UsageError("--jsonl streams an answer as it is drafted", hint="use --json with --refine")
        if self.jsonl and self.file is not None:
            raise UsageError(
                "-o writes a file whole, and --jsonl line by line", hint="use --jsonl > FILE, or tee"
            )
