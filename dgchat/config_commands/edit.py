"""`dgchat config edit`: the reader's editor on config.toml, and a check of what it left there."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import TextIO

from dgchat.errors import DgchatError, SettingsError, UsageError
from dgchat.paths import config_file
from dgchat.safe_text import visible
from dgchat.settings import Settings, doc_of, load_keys, load_settings, read_editor
from dgchat.ui.keys import Keymap


def run_edit(err: TextIO) -> int:
    """Edit the file, say on `err` what is wrong with it now, and return the exit code.

    UsageError if there is no editor, DgchatError if it fails; a file that nobody wrote into does not stay.
    """
    path = config_file()
    is_new = not path.exists()
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template(), encoding="utf-8")
    try:
        _edit(path, read_editor())
    finally:
        if is_new and path.is_file() and path.read_text(encoding="utf-8", errors="replace") == template():
            path.unlink()
    try:
        load_settings({})
        Keymap.read(load_keys())
    except SettingsError as error:
        again = "dgchat config edit opens it again"
        err.write(f"dgchat: {visible(str(error), newlines=False)}; {again}\n")
        return error.exit_code
    return 0


def template() -> str:
    """A file in which every setting stands as a comment."""
    settings = [
        f"# {doc_of(field.name)}\n# {field.name} = {_example(field.default)}\n" for field in fields(Settings)
    ]
    return "# Settings of dgchat. Take away the # of those that are to hold.\n\n" + "\n".join(settings)


def _example(default: object) -> str:
    return "" if default is None else json.dumps(default)


def _edit(path: Path, editor: str) -> None:
    command = shlex.split(editor)
    try:
        code = subprocess.call([*command, str(path)])
    except OSError as error:
        raise UsageError(f"{editor} cannot be run: {error.strerror}", hint="set VISUAL or EDITOR") from error
    if code:
        raise DgchatError(f"{editor} ended with {code}", hint=f"look at {path}")
