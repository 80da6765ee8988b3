"""The reader's own editor."""

from __future__ import annotations

import shlex
import sys

import pytest

from dgchat.errors import DgchatError
from dgchat.ui.external_editor import edit_text


def editor(code: str) -> str:
    """An editor that is this Python code, with the file's Path as `path`."""
    program = f"import os, sys, pathlib; path = pathlib.Path(sys.argv[1]); {code}"
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}"


def test_what_the_editor_writes_comes_back_without_its_last_newline():
    upper = editor("path.write_text(path.read_text().upper() + '\\nmore\\n')")
    assert edit_text("half", upper) == "HALF\nmore"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes there")
def test_only_the_owner_can_reach_the_file_and_it_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    told = edit_text("secret", editor("path.write_text(oct(path.parent.stat().st_mode & 0o777))"))
    assert told == "0o700"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "No editor is named"),
        ("no-such-editor --wait", "no-such-editor does not start"),
        ("'half", "is no command"),
        (editor("sys.exit(3)"), "failed with exit code 3"),
        (editor("path.unlink()"), "cannot be read"),
    ],
)
def test_an_editor_that_fails_is_told(command, told):
    with pytest.raises(DgchatError, match=told):
        edit_text("text", command)
