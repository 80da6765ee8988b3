"""The prompts of earlier runs, in a file that only its owner may read."""

from __future__ import annotations

import json
import os
from pathlib import Path

from dgchat.errors import DgchatError

MAX_PROMPTS = 1000
"""What is read back; a file twice as long is cut to this."""

_OWNER_ONLY = 0o600
_OWNER_ONLY_FOLDER = 0o700


class HistoryFile:
    """One prompt a line, as a JSON string; a line that is none is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[str]:
        """The latest prompts, oldest first; none if there is no file. DgchatError if it cannot be read."""
        try:
            lines = self._path.read_bytes().splitlines()
            prompts = [prompt for line in lines if (prompt := _prompt_of(line))][-MAX_PROMPTS:]
            if len(lines) > 2 * MAX_PROMPTS:
                self._replace(prompts)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DgchatError(f"The prompt history cannot be read: {error}") from error
        return prompts

    def append(self, prompt: str) -> None:
        """Add a prompt at the end, in one write; DgchatError if it cannot be written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY_FOLDER)
            _write(self._path, os.O_APPEND, _end_of_torn_line(self._path) + _lines([prompt]))
        except OSError as error:
            raise DgchatError(f"The prompt history cannot be written: {error}") from error

    def _replace(self, prompts: list[str]) -> None:
        shorter = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        _write(shorter, os.O_TRUNC, _lines(prompts))
        shorter.replace(self._path)


def _lines(prompts: list[str]) -> bytes:
    return "".join(json.dumps(prompt) + "\n" for prompt in prompts).encode("ascii")


def _write(path: Path, how: int, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, _OWNER_ONLY)
    try:
        path.chmod(_OWNER_ONLY)  # of a file that somebody else made, too
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _end_of_torn_line(path: Path) -> bytes:
    """A newline if the file ends within a line, as on a disk that was full: it then costs only itself."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return b"" if file.read() == b"\n" else b"\n"
    except OSError:  # there is none, or nothing in it
        return b""


def _prompt_of(line: bytes) -> str:
    try:
        prompt = json.loads(line)
    except ValueError:
        return ""
    return prompt if isinstance(prompt, str) else ""
