"""A file that is either as it was or all new: `-o`."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from dgchat.errors import UsageError


def check_writable(path: Path) -> None:
    """UsageError if the file could not be written: to be told before a model is loaded for it."""
    folder = path.resolve().parent
    if path.is_dir():
        raise UsageError(f"-o {path} is a folder", hint="name a file in it")
    if not folder.is_dir():
        raise UsageError(f"-o {path}: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"-o {path} may not be written")


def write_whole(path: Path, text: str) -> None:
    """Write the file beside its place, then put it there; what is no regular file is written to as it is.

    OSError if that fails; a regular file is then as it was.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8", newline="") as device:
            device.write(text)
        return
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(_mode_for(target))
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _mode_for(target: Path) -> int:
    """The mode of the file that is there, else what a new one would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
