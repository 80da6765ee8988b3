"""Processes that keep a model, as `dgchat ps` tells of them."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dgchat_process import run_dgchat, run_scripted
from scripted_engine import ANSWER

FOREVER = 100.0
"""Seconds of loading that no test would wait for: whoever answers has not loaded."""


def kept() -> list[dict[str, Any]]:
    return json.loads(run_dgchat("ps", "--json").stdout)


def keep(*arguments: str, **script: object) -> dict[str, Any]:
    """Leave a keeper behind; what `ps` says of it."""
    done = run_scripted("--prompt", "hello", "--keep", "60s", *arguments, **script)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, ANSWER + "\n", b"")
    (one,) = kept()
    return one


def eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up
        select.select([], [], [], 0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def socket_in(folder: Path) -> Path:
    (found,) = folder.glob("*.sock")
    return found
