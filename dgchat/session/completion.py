"""What the text before the cursor could become: a command, its argument, or a path behind an @."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dgchat.session.attachments import located
from dgchat.session.commands import COMMANDS, complete_command

MAX_PATHS = 200
"""The list is no longer than this; a letter more narrows it."""

MAX_ENTRIES = 10_000
"""Of a larger folder only a part is looked at: a key must not wait for it."""

MAX_LINE = 4096
"""A longer line was pasted; nothing is offered behind it."""

_PATH = re.compile(r"""(?:^|(?<=\s))@(?:"([^"\n]*)|([^\s"]*))$""")

Choices = Callable[[str], Sequence[str]]
"""From a command's name to the arguments that are known; empty where they are free."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    label: str
    """What the list shows."""
    summary: str
    """What it shows beside that."""
    text: str
    """What stands before the cursor in its line once this is chosen."""
    is_final: bool = False
    """Whether the text is then ready to be sent."""
    is_optional: bool = False
    """Whether what has been typed may be meant as it is."""


def suggest(before: str, is_first_line: bool, choices: Choices, folder: Path) -> list[Suggestion]:
    """Suggestions for what stands before the cursor in its line; none if that is complete, or ordinary."""
    if len(before) > MAX_LINE:
        return []
    found = (_commands(before) or _arguments(before, choices)) if is_first_line else []
    found = found or _paths(before, folder)
    return [] if len(found) == 1 and found[0].text.rstrip() == before else found


def _commands(before: str) -> list[Suggestion]:
    commands = complete_command(before)
    if any(before[1:].lower() == command.name for command in commands):
        return []
    return [
        Suggestion(
            command.usage,
            command.summary,
            f"/{command.name} " if command.argument else f"/{command.name}",
            is_final=not command.argument,
        )
        for command in commands
    ]


def _arguments(before: str, choices: Choices) -> list[Suggestion]:
    name, space, typed = before.partition(" ")
    if not space or not name.startswith("/"):
        return []
    if all(name != f"/{command.name}" for command in COMMANDS):
        return []
    return [
        Suggestion(choice, "", f"{name} {choice}", is_final=True, is_optional=True)
        for choice in choices(name[1:])
        if choice.lower().startswith(typed.lower()) and choice.lower() != typed.lower()
    ]


def _paths(before: str, folder: Path) -> list[Suggestion]:
    mention = _PATH.search(before)
    if mention is None:
        return []
    typed = mention[1] if mention[1] is not None else mention[2]
    beginning = typed.rpartition("/")[2]
    parent = typed[: len(typed) - len(beginning)]
    start = before[: mention.start()]
    return [
        _path(start, parent + name, is_folder, is_optional=name == beginning)
        for name, is_folder in _entries(parent, beginning, folder)
    ]


def _path(start: str, name: str, is_folder: bool, is_optional: bool) -> Suggestion:
    mention = f'@"{name}' if " " in name else f"@{name}"
    if is_folder:
        return Suggestion(f"{name}/", "folder", f"{start}{mention}/")
    text = start + mention + ('" ' if " " in name else " ")
    return Suggestion(name, "", text, is_optional=is_optional)


def _entries(parent: str, beginning: str, folder: Path) -> list[tuple[str, bool]]:
    """Names in a folder that begin so and whether they are folders, those first; hidden ones only where a dot
    was typed, and none that cannot be typed.
    """
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(located(parent, folder)) as entries:
            for entry in islice(entries, MAX_ENTRIES):
                name = entry.name
                is_shown = beginning.startswith(".") or not name.startswith(".")
                if is_shown and name.lower().startswith(beginning.lower()) and _can_be_typed(name):
                    found.append((name, entry.is_dir()))
    except (OSError, RuntimeError, ValueError):
        return []
    return sorted(found, key=lambda pair: (not pair[1], pair[0].lower()))[:MAX_PATHS]


def _can_be_typed(name: str) -> bool:
    return name.isprintable() and '"' not in name
