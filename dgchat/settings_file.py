"""Writes one setting into config.toml and leaves every other line of it as its owner wrote it."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from dgchat.errors import SettingsError

_HEADER = re.compile(r"\s*\[")


def save_setting(path: Path, name: str, value: object) -> None:
    """Set the key in the file, or take it out if the value is None; SettingsError if that cannot be done.

    Comments, order and line ends stay. The file is replaced whole, and only if it then reads as meant.
    """
    try:
        target = path.resolve()
        before = _read(target)
        after = _edited(before, name, value)
        if after != before:
            _check(before, after, name, value)
            _replace_file(target, after)
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} was not changed: {error}", hint=f"set {name} there yourself") from error


def as_toml(value: object) -> str:
    """The value as TOML writes it: a text, a number or a switch."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""


def _edited(text: str, name: str, value: object) -> str:
    lines = text.splitlines(keepends=True)
    end_of_line = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    first_table = len(lines)
    for start, end in _statements(lines):
        if _HEADER.match(lines[start]):
            first_table = start
            break
        statement = "".join(lines[start:end])
        if name in tomllib.loads(statement):
            written = _rewritten(statement, name, value, end_of_line)
            return "".join([*lines[:start], written, *lines[end:]])
    if value is None:
        return text
    return _inserted(lines, first_table, f"{name} = {as_toml(value)}{end_of_line}", end_of_line)


def _statements(lines: list[str]) -> Iterator[tuple[int, int]]:
    """First line and end of each statement; a value may go over several lines."""
    start = 0
    while start < len(lines):
        end = start + 1
        while not _is_whole("".join(lines[start:end])) and end < len(lines):
            end += 1
        yield start, end
        start = end


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _rewritten(statement: str, name: str, value: object, end_of_line: str) -> str:
    """The statement with another value, its indent and the comment behind it kept; empty for None."""
    if value is None:
        return ""
    indent = statement[: len(statement) - len(statement.lstrip())]
    return f"{indent}{name} = {as_toml(value)}{_comment(statement)}{end_of_line}"


def _comment(statement: str) -> str:
    """The comment behind a value, with the space before it."""
    body = statement.rstrip()
    meant = tomllib.loads(statement)
    for mark in re.finditer(r"\s*#", body):
        before = body[: mark.start()]
        if _is_whole(before) and tomllib.loads(before) == meant:
            return body[mark.start() :]
    return ""


def _inserted(lines: list[str], first_table: int, line: str, end_of_line: str) -> str:
    """The new line behind the last setting; what stands right above a table belongs to the table."""
    place = first_table
    while 0 < place < len(lines) and lines[place - 1].lstrip().startswith("#"):
        place -= 1
    while 0 < place <= len(lines) and first_table < len(lines) and not lines[place - 1].strip():
        place -= 1
    above = "".join(lines[:place])
    if above and not above.endswith(("\n", "\r")):
        above += end_of_line
    return above + line + "".join(lines[place:])


def _check(before: str, after: str, name: str, value: object) -> None:
    wanted = {key: old for key, old in tomllib.loads(before).items() if key != name}
    if value is not None:
        wanted[name] = value
    if tomllib.loads(after) != wanted:
        raise ValueError("it is written in a way that cannot be edited safely")


def _replace_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            Path(temporary).chmod(path.stat().st_mode & 0o777)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
