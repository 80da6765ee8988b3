"""INT, TERM and HUP while a one-shot works."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals(stop: Callable[[], bool]) -> Generator[None]:
    """Within, a signal calls `stop`; where that says that nothing could be asked to stop, it is a
    KeyboardInterrupt.
    """

    def take(_number: int, _frame: FrameType | None) -> None:
        if not stop():
            raise KeyboardInterrupt

    numbers = (getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
    earlier = {number: signal.signal(number, take) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
