"""A file system whose N-th open, write, fsync or rename below a folder fails, for Python and SQLite alike.

The calls are those of the C library: a process is started with a few lines of C before it
(`python_with_faults`) and then arms and disarms the fault itself, so that one process goes through
N = 1, 2, 3 ... in a moment.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EIO, ENOSPC
from pathlib import Path

CALLS = ("open", "write", "fsync", "rename")
FULL, BROKEN = ENOSPC, EIO
_SOURCE = Path(__file__).with_name("failing_calls.c")
_LIBRARY = "FAILING_CALLS"


class Fault:
    """What became of an armed fault."""

    def __init__(self, call: str, at: int) -> None:
        self.call, self.at = call, at
        self.num_calls = 0
        """How often the call was made; known once the fault is disarmed."""

    @property
    def has_struck(self) -> bool:
        """Whether the call was made so often; once it was not, N has been raised far enough."""
        return self.num_calls >= self.at


@contextmanager
def failing(
    call: str, at: int, under: Path, error: int = BROKEN, *, from_then_on: bool = False
) -> Iterator[Fault]:
    """Let the N-th such call on a path below `under` fail, and each one after it `from_then_on`."""
    library, fault = ctypes.CDLL(os.environ[_LIBRARY]), Fault(call, at)
    library.disarm.restype = ctypes.c_long
    library.arm(call.encode(), str(under).encode(), ctypes.c_long(at), error, int(from_then_on))
    try:
        yield fault
    finally:
        fault.num_calls = library.disarm()


def can_fail_files() -> bool:
    """Whether this system can preload a library, and has a C compiler to make it."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def python_with_faults(folder: Path, program: str, *arguments: str) -> str:
    """Run a program in which `failing` works; what it printed. The library is built in the folder."""
    library = folder / "failing_calls.so"
    built = ["cc", "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(built, check=True, capture_output=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), _LIBRARY: str(library)}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
