"""TERM, HUP and INT: leave, and leave the terminal as it was found. Everything only POSIX has is here."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Timer

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


@contextmanager
def reading_replies(fileno: int) -> Generator[None]:
    """Within, what the terminal replies can be read, and is not shown; OSError if it is none."""
    try:
        import termios
    except ImportError as error:
        raise OSError("this system's terminals cannot be asked") from error
    try:
        before = termios.tcgetattr(fileno)
        quiet = [*before]
        quiet[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(fileno, termios.TCSANOW, quiet)
    except termios.error as error:
        raise OSError(str(error)) from error
    try:
        yield
    finally:
        termios.tcsetattr(fileno, termios.TCSAFLUSH, before)


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
            _restore_line_mode(stderr.fileno())
    os._exit(exit_code)


def _restore_line_mode(fileno: int) -> None:
    import termios

    attributes = termios.tcgetattr(fileno)
    attributes[0] |= termios.ICRNL | termios.IXON
    attributes[3] |= termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
    termios.tcsetattr(fileno, termios.TCSANOW, attributes)
