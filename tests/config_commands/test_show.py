"""`dgchat config path` and `show`."""

from __future__ import annotations

import json

import pytest

from dgchat.cli import run
from dgchat.paths import config_file
from dgchat.settings import setting_names


def write_config(text: str) -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_text(text, encoding="utf-8")


def test_path_is_the_file_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{config_file()}\n"


def test_every_setting_is_shown_with_where_it_comes_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config('steps = 5\ntheme = "paper"\nsystem = "\\u001b[31mRed"')
    monkeypatch.setenv("DGCHAT_MAX_TOKENS", "200")
    assert run(["--theme", "tide", "config", "show"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in shown.splitlines()}
    assert list(rows) == list(setting_names())
    assert rows["steps"].split() == ["5", str(config_file())]
    assert rows["max_tokens"].split() == ["200", "DGCHAT_MAX_TOKENS"]
    assert rows["theme"].split() == ['"tide"', "--theme"]
    assert rows["motion"].split() == ['"full"', "default"]
    assert "\x1b" not in shown


def test_json_has_values_and_origins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DGCHAT_THINKING", "1")
    assert run(["config", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["path"] == str(config_file())
    assert list(shown["settings"]) == list(setting_names())
    assert shown["settings"]["thinking"] == {"value": True, "from": "variable"}
    assert shown["settings"]["seed"] == {"value": None, "from": "default"}


def test_a_broken_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_config("steps = ")
    assert run(["config", "show"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
