"""Whether somebody opens dgchat for the first time."""

from __future__ import annotations

from dgchat.paths import data_dir

_MARK = "welcomed"


def is_first_run() -> bool:
    """True once, and never again: the data directory remembers. Where it cannot, nobody is new."""
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        (data_dir() / _MARK).touch(exist_ok=False)
    except OSError:
        return False
    return True
