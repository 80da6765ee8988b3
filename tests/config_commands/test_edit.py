"""`dgchat config edit`: the reader's own editor, and what it left is checked."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat.config_commands.edit import template
from dgchat.paths import config_file
from dgchat.settings import setting_names

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the editors here are shell scripts")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a shell script the editor; $1 is a flag, $2 the file."""

    def install(script: str, variable: str = "VISUAL") -> None:
        program = tmp_path / "my editor"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv(variable, f"'{program}' -w")

    return install


@pytest.mark.parametrize("variable", ["VISUAL", "EDITOR"])
def test_the_editor_gets_a_file_in_which_every_setting_stands_as_a_comment(
    editor: Callable[..., None], variable: str
) -> None:
    editor('test "$1" = -w && sed -i "s/^# steps =.*/steps = 8/" "$2"', variable)
    assert run(["config", "edit"]) == 0
    written = config_file().read_text(encoding="utf-8")
    assert tomllib.loads(written) == {"steps": 8}
    assert all(f"# {name} = " in written for name in setting_names() if name != "steps")


def test_what_is_there_already_is_what_gets_edited(editor: Callable[..., None]) -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_text("# mine\nsteps = 3\n", encoding="utf-8")
    editor('echo "seed = 4" >> "$2"')
    assert run(["config", "edit"]) == 0
    assert config_file().read_text(encoding="utf-8") == "# mine\nsteps = 3\nseed = 4\n"


@pytest.mark.parametrize("script", ["true", "exit 3"])
def test_a_new_file_that_nobody_wrote_into_does_not_stay(editor: Callable[..., None], script: str) -> None:
    editor(script)
    assert run(["config", "edit"]) == (0 if script == "true" else 1)
    assert not config_file().exists()


def test_a_mistake_is_told_afterwards_and_the_file_stays(
    editor: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    editor('echo "stepps = 4" > "$2"')
    assert run(["config", "edit"]) == 2
    shown = capsys.readouterr().err
    assert "did you mean steps?" in shown
    assert "dgchat config edit opens it again" in shown
    assert shown.count("\n") == 1
    assert config_file().read_text(encoding="utf-8") == "stepps = 4\n"


def test_keys_are_checked_too(editor: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    editor('printf "[keys]\\nno-such-action = \\"f9\\"\\n" > "$2"')
    assert run(["config", "edit"]) == 2
    assert "no-such-action" in capsys.readouterr().err


def test_an_editor_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    assert run(["config", "edit"]) == 2
    assert "set VISUAL or EDITOR" in capsys.readouterr().err


def test_every_line_of_the_template_is_a_setting_once_its_mark_is_taken_away() -> None:
    settings = [
        line.removeprefix("# ") for line in template().splitlines() if " = " in line and line.isascii()
    ]
    assert len(settings) == len(setting_names())
    given = [line for line in settings if not line.endswith("= ")]
    assert set(tomllib.loads("\n".join(given))) <= set(setting_names())
