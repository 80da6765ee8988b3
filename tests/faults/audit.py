"""What Python itself reports: files opened, objects unpickled, programs started."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEEDS = ("pickle.find_class", "os.system", "subprocess.Popen", "ctypes.dlopen")
_listeners: list[list[tuple[str, object]]] = []
_installed: list[bool] = []


@contextmanager
def audited() -> Iterator[list[tuple[str, object]]]:
    """What is opened and executed, within; hooks cannot be taken out, so there is one for all."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hear)
    heard: list[tuple[str, object]] = []
    _listeners.append(heard)
    try:
        yield heard
    finally:
        _listeners.remove(heard)


def opened_outside(heard: list[tuple[str, object]], folder: Path) -> list[str]:
    """Paths that were opened and lie outside the folder, and what was unpickled or started."""
    roots = (str(folder), str(folder.resolve()))
    found = [str(what) for event, what in heard if event == "open" and not str(what).startswith(roots)]
    return found + [f"{event} {what}" for event, what in heard if event != "open"]


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    is_file = event == "open" and isinstance(arguments[0], str | bytes | Path)
    if is_file or event in _DEEDS:
        for heard in _listeners:
            heard.append((event, arguments[0] if arguments else ""))
