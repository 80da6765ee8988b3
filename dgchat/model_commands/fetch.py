"""Fetches a repository in a thread while its progress is shown; ctrl+c and TERM stop it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import TextIO

from dgchat.errors import StoppedError
from dgchat.hub.download import download
from dgchat.hub.repository import RemoteFile, Repository
from dgchat.hub.sizes import rounded
from dgchat.hub.stall import StallWatch
from dgchat.model_commands.byte_bar import can_redraw
from dgchat.model_commands.interrupts import signals_interrupt
from dgchat.model_commands.progress import ProgressBars, ProgressLines

_TICK_SECONDS = 0.1
_SECONDS_TO_STOP = 2.0
"""How long a fetch may take to notice that it was stopped, and to clear up; then it is left behind."""


def fetch(repository: Repository, err: TextIO, clock: Callable[[], float] = monotonic) -> None:
    """Fetch what is missing and show how it goes on `err`; errors as for `download`, StoppedError after
    ctrl+c. Either way one line says what is kept.
    """
    from huggingface_hub.utils import logging  # here already

    logging.set_verbosity_error()  # its warnings about what it tries again would tear the bars,
    warnings.filterwarnings("ignore", module="huggingface_hub")  # and so would those about the disk
    missing = repository.missing()
    worker, watch = _Fetching(repository), StallWatch(clock)
    try:
        with (
            signals_interrupt(),
            ProgressBars(missing, err) if can_redraw(err) else ProgressLines(missing, err) as view,
        ):
            worker.start()
            while not worker.is_over.wait(_TICK_SECONDS):
                here = dict(worker.bytes_of)
                view.show(here, watch.seconds_stalled(sum(here.values())))
            view.show(dict(worker.bytes_of), None)
    except KeyboardInterrupt:
        worker.stop()
        raise StoppedError(
            f"stopped; {_kept(repository)}", hint=f"dgchat models pull {repository.name} fetches the rest"
        ) from None
    if worker.failure is not None:
        err.write(f"{_kept(repository)}\n")
        raise worker.failure


class _Fetching(Thread):
    """The download; a daemon, so that a connection that hangs cannot keep the program alive."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(name="dgchat-fetch", daemon=True)
        self._repository = repository
        self._cancelled = Flag()
        self.is_over = Flag()
        self.failure: BaseException | None = None
        self.bytes_of: dict[str, int] = {}

    def run(self) -> None:
        try:
            download(self._repository, self._count, self._cancelled)
        except BaseException as failure:
            self.failure = failure
        finally:
            self.is_over.set()

    def stop(self) -> None:
        """Ask it to stop, and give it a moment."""
        self._cancelled.set()
        self.is_over.wait(_SECONDS_TO_STOP)

    def _count(self, file: RemoteFile, num_bytes: int) -> None:
        self.bytes_of[file.name] = num_bytes


def _kept(repository: Repository) -> str:
    missing = repository.missing()
    kept = rounded(repository.num_bytes - sum(file.num_bytes for file in missing))
    return (
        f"{len(repository.files) - len(missing)} of {len(repository.files)} files ({kept}) are whole and kept"
    )
