"""TERM, HUP and INT: leave, and leave the terminal as it was found."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Timer

from dgchat.posix import restore_line_mode

GRACE_SECONDS = 1.5
"""After this a leaving that hangs is ended by force."""

_MODES_OFF = "".join(f"\x1b[?{mode}l" for mode in (1000, 1003, 1015, 1006, 1004, 2004, 2026, 1049))
_RESET = _MODES_OFF + "\x1b[<u\x1b[?25h\x1b[0m"
"""Mouse, focus, paste, synchronised output, alternate screen; then keyboard protocol, cursor, colours."""


_HEARD_SECONDS = 0.1
"""After this the event loop has seen whatever signal came before."""


def leave_on_signals(leave: Callable[[int], None]) -> None:
    """Call `leave` with an exit code when the process is told to go; must run in the event loop."""
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP", "SIGINT"):
        if hasattr(signal, name):
            _listen(loop, int(getattr(signal, name)), leave)


@contextmanager
def interrupts_ignored(leave: Callable[[int], None]) -> Generator[None]:
    """ctrl+c is only for the child that has the terminal now; must run in the event loop, which stands still
    meanwhile.
    """
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):
        loop.remove_signal_handler(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda number, frame: None)  # to ignore it would be inherited by the child
    try:
        yield
    finally:
        loop.call_later(_HEARD_SECONDS, _listen, loop, signal.SIGINT, leave)


def _listen(loop: asyncio.AbstractEventLoop, number: int, leave: Callable[[int], None]) -> None:
    with suppress(NotImplementedError):
        loop.add_signal_handler(number, _leave_soon, leave, 128 + number)


def _leave_soon(leave: Callable[[int], None], exit_code: int) -> None:
    watchdog = Timer(GRACE_SECONDS, _leave_now, (exit_code,))
    watchdog.daemon = True
    watchdog.start()
    leave(exit_code)


def _leave_now(exit_code: int) -> None:
    with suppress(OSError, AttributeError, ValueError):
        stderr = sys.__stderr__
        if stderr is not None and stderr.isatty():
            os.write(stderr.fileno(), _RESET.encode())
            restore_line_mode(stderr.fileno())
    os._exit(exit_code)
