"""Whether the terminal keeps up with what is written to it."""

from __future__ import annotations

from textual.app import App


def is_terminal_behind(app: App[None]) -> bool:
    """Whether earlier frames still wait to be written; False where textual does not let us see it."""
    driver = getattr(app, "_driver", None)
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return queue is not None and queue.qsize() > 0
