"""Runs work that waits for a network, and ends it as soon as somebody says stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from dgchat.engine.events import CancelSignal

POLL_SECONDS = 0.05
"""How soon a stop is noticed."""

Result = TypeVar("Result")


def run_until_cancelled(work: Coroutine[Any, Any, Result], cancelled: CancelSignal) -> Result | None:
    """What the work returns, or None once `cancelled` is set; its connections are closed by then.

    Not to be called where an event loop is running.
    """
    return asyncio.run(_watched(work, cancelled))


async def _watched(work: Coroutine[Any, Any, Result], cancelled: CancelSignal) -> Result | None:
    task = asyncio.create_task(work)
    while not task.done():
        if cancelled.is_set():
            task.cancel()
        await asyncio.wait({task}, timeout=POLL_SECONDS)
    return None if task.cancelled() else task.result()
