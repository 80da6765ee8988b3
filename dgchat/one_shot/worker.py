"""The thread in which a one-shot works while the main thread shows what it does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread


class Worker(Thread):
    """Runs the work and keeps its failure; a daemon, so that a second ctrl+c can leave while a step is still
    running.
    """

    def __init__(self, work: Callable[[], None], when_over: Callable[[], object] = lambda: None) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._when_over = when_over
        self.failure: BaseException | None = None
        """What the work raised."""

    def run(self) -> None:
        """Work, then tell that it is over, failed or not."""
        try:
            self._work()
        except BaseException as failure:
            self.failure = failure
        finally:
            self._when_over()
