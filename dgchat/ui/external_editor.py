"""A text written in the reader's own editor."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path

from dgchat.errors import DgchatError


def edit_text(text: str, editor: str) -> str:
    """The text as `editor` (a command line) leaves it, less the newline that editors end a file with.

    The terminal must be the editor's until this returns. DgchatError if there is no editor, or if it fails.
    """
    if not editor.strip():
        raise DgchatError("No editor is named.", hint="set VISUAL or EDITOR")
    with tempfile.TemporaryDirectory(prefix="dgchat-") as folder:  # that only the owner can enter
        path = Path(folder) / "prompt.md"
        path.write_text(text, encoding="utf-8")
        _run([*_split(editor), str(path)])
        try:
            return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
        except OSError as error:
            raise DgchatError(f"What the editor wrote cannot be read: {error.strerror}") from error


def _split(editor: str) -> list[str]:
    try:
        return shlex.split(editor)
    except ValueError as error:
        raise DgchatError(f"The editor {editor!r} is no command: {error}") from error


def _run(command: list[str]) -> None:
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise DgchatError(f"The editor {command[0]} does not start: {error.strerror}") from error
    if code:
        raise DgchatError(f"The editor {command[0]} failed with exit code {code}; the prompt is as it was.")
