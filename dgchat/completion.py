"""Shell completion: Typer's scripts, and the values that a flag can have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from typer.completion import (
    completion_init,  # pyright: ignore[reportPrivateImportUsage]
    get_completion_script,  # pyright: ignore[reportPrivateImportUsage]
)

from dgchat.hub.known import KNOWN
from dgchat.paths import theme_dirs
from dgchat.settings import choices_of

VARIABLE = "_DGCHAT_COMPLETE"
"""Set by a shell that wants completions instead of an answer."""

SHELLS = ("bash", "zsh", "fish")

Complete = Callable[[str], list[str]]


def script_for(shell: str) -> str:
    """What a shell of SHELLS reads to complete dgchat."""
    return get_completion_script(prog_name="dgchat", complete_var=VARIABLE, shell=shell) + "\n"


def teach_completion() -> None:
    """Let the command line answer shells; for a process that VARIABLE is set for."""
    completion_init()


def completer_of(setting: str) -> Complete | None:
    """What completes the value of a setting's flag; None for one that can be anything."""
    values = _VALUES.get(setting)
    if values is None and not choices_of(setting):
        return None

    def complete(incomplete: str) -> list[str]:
        known = values() if values else choices_of(setting)
        return [value for value in known if value.startswith(incomplete)]

    return complete


def _themes() -> Sequence[str]:
    return sorted({"auto", *(file.stem for folder in theme_dirs() for file in folder.glob("*.toml"))})


def _models() -> Iterable[str]:
    return (checkpoint.name for checkpoint in KNOWN)


_VALUES: dict[str, Callable[[], Iterable[str]]] = {"theme": _themes, "model": _models}
