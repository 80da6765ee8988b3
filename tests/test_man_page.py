"""The manual page says what --help says, and man and its kin find nothing wrong with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat.man_page import _text
from dgchat.settings import flag_of, setting_names, variable_of


@pytest.fixture
def page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    """The page as a file."""
    assert run(["man"]) == 0
    file = tmp_path / "dgchat.1"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    return file


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here")


def read(page: Path) -> str:
    """The page as man shows it, in one line."""
    needs("man")
    done = subprocess.run(
        ["man", "-l", "-P", "cat", str(page)],
        env=os.environ | {"MANWIDTH": "500", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return " ".join(re.sub(r".\x08", "", done.stdout).split())


def test_man_shows_every_setting_command_and_exit_code(page: Path) -> None:
    shown = read(page)
    for name in setting_names():
        assert flag_of(name) in shown
        assert variable_of(name) in shown
    for words in (
        "dgchat [OPTIONS] [COMMAND [ARGS]...]",
        "dgchat models pull",
        "dgchat config edit",
        "dgchat bench",
        "--refine-with URL[:MODEL]",
        "DGCHAT_SERVER_KEY",
        "130 stopped by ctrl+c or TERM",
        "EXIT STATUS",
    ):
        assert words in shown


def test_every_option_of_help_stands_in_the_page_with_its_words(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = read(page)
    run(["models", "pull", "--help"])
    helped = " ".join(capsys.readouterr().out.split())
    assert "Fetch this file anew, as one that verify refuses." in helped
    assert "Fetch this file anew, as one that verify refuses." in shown


@pytest.mark.parametrize(
    "command",
    [["groff", "-man", "-ww", "-z"], ["mandoc", "-T", "lint", "-W", "warning"]],
    ids=["groff", "mandoc"],
)
def test_the_linters_find_nothing(page: Path, command: list[str]) -> None:
    needs(command[0])
    done = subprocess.run([*command, str(page)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (".dgchat is\na file", "\\&.dgchat is a file"),
        ("'quoted'", "\\(aqquoted\\(aq"),
        ("a\\b --c", "a\\eb \\-\\-c"),
    ],
)
def test_text_is_never_taken_for_a_macro(text: str, written: str) -> None:
    assert _text(text) == written
