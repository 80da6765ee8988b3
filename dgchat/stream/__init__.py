"""An answer as lines of JSON, one event a line: what `--jsonl` writes and `dgchat view` shows."""

from __future__ import annotations

VERSION = 1
"""Of the lines; a reader refuses another. New fields do not change it: a reader skips those."""

MINOR = 2
"""How often fields or events were added that a reader can do without; no line tells it. 1: prompt, joined,
thought, alternatives. 2: prefilling.
"""

MAX_CANVAS_LENGTH = 65_536
"""Tokens; a stream that claims more is refused."""

MAX_LINE_BYTES = 8 * 2**20
"""A longer line is no line of a stream."""
