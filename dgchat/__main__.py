"""`dgchat` and `python -m dgchat`."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and leave; ctrl+c during the imports leaves quietly as well."""
    try:
        from dgchat.cli import run  # here, so that an interrupted import is no traceback

        code = run()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        _leave_now(code)
    gc.freeze()  # what is left is not collected at the end: with torch that takes seconds on a busy machine
    sys.exit(code)


def _leave_now(code: int) -> NoReturn:
    """Leave without the interpreter's end: a thread that is still importing torch would abort the process."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
