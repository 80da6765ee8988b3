"""What textual keeps to itself: whether the terminal keeps up, and a way to write to it between frames."""

from __future__ import annotations

from textual.app import App


def is_terminal_behind(app: App[None]) -> bool:
    """Whether earlier frames still wait to be written; False where textual does not let us see it."""
    driver = getattr(app, "_driver", None)
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return queue is not None and queue.qsize() > 0


def write_to_terminal(app: App[None], sequence: str) -> None:
    """Send a control sequence of our own between two frames; nothing where there is no terminal."""
    driver = getattr(app, "_driver", None)
    if driver is not None:
        driver.write(sequence)
