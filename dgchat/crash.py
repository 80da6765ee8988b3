"""What is written down when the program itself is at fault: where it broke, and how to do it again.

No prompt, no token, no key and nothing a terminal obeys gets into a report: not the words of the error, which
may quote them, nor the values of variables, nor the texts of the command.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import strftime
from traceback import walk_tb
from types import TracebackType

from dgchat import __version__
from dgchat.paths import data_dir

_HARMLESS = re.compile(r"-{0,2}[a-z][a-z-]*|-?[0-9]+(\.[0-9]+)?", re.ASCII)
"""Flags, names of commands, switches and numbers."""

_TEXTS = frozenset(
    {"--prompt", "--system", "--template", "--messages", "--resume", "--session", "--output", "-o"}
)
"""Flags whose value is a person's own, whatever it looks like."""

_PACKAGE = Path(__file__).parent.parent

CrashListener = Callable[[BaseException], object]


def report_crash(error: BaseException, arguments: Sequence[str] | None = None) -> str:
    """Write a report, and say in one line what broke, where it is written and how to do it again."""
    command = harmless_command(sys.argv[1:] if arguments is None else arguments)
    told = f"dgchat broke: {type(error).__name__} in {_place(error)}; it was: {command}"
    try:
        file = _write(report_of(error, command))
    except OSError:
        return f"{told} (please report it)"
    return f"{told} (please report it with {file})"


def report_of(error: BaseException, command: str) -> str:
    """Versions, command, and each error of the chain with the places it went through."""
    lines = [
        f"dgchat {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"command: {command}",
    ]
    link: BaseException | None = error
    while link is not None:
        lines += ["", f"{type(link).__module__}.{type(link).__qualname__}", *_places(link.__traceback__)]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n".join(lines) + "\n"


def harmless_command(arguments: Sequence[str]) -> str:
    """The command without what a person wrote: texts, names of files, addresses become dots."""
    words, is_text = ["dgchat"], False
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if is_text or not _HARMLESS.fullmatch(flag):
            words.append("...")
        elif equals:
            is_harmless = flag not in _TEXTS and _HARMLESS.fullmatch(value)
            words.append(argument if is_harmless else f"{flag}=...")
        else:
            words.append(argument if flag.startswith("-") or len(argument) < 24 else "...")
        is_text = argument in _TEXTS
    return " ".join(words)


def watch_threads(on_crash: CrashListener) -> None:
    """Let an error that ends a thread be told by `on_crash`, rather than over what is on the screen."""

    def tell(crashed: threading.ExceptHookArgs) -> None:
        if crashed.exc_value is not None and not isinstance(crashed.exc_value, SystemExit):
            on_crash(crashed.exc_value)

    threading.excepthook = tell
    sys.unraisablehook = lambda _: None


def _place(error: BaseException) -> str:
    places = _places(error.__traceback__)
    own = [place for place in places if place.strip().startswith("dgchat")]
    return (own or places or ["an unknown place"])[-1].strip()


def _places(traceback: TracebackType | None) -> list[str]:
    return [
        f"  {_file(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(traceback)
    ]


def _file(name: str) -> str:
    """A file of the program by its place in it, any other by its name and that of its folder."""
    path = Path(name)
    inside = path.is_relative_to(_PACKAGE) and "site-packages" not in path.relative_to(_PACKAGE).parts
    return str(path.relative_to(_PACKAGE)) if inside else "/".join(path.parts[-2:])


def _write(report: str) -> Path:
    folder = data_dir() / "crashes"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(descriptor, "w", encoding="ascii", errors="backslashreplace") as stream:  # noqa: PTH123
        stream.write(report)
    return file
