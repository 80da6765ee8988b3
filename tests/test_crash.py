"""When the program itself is at fault: one line and a report, and nothing private in either."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dgchat import crash
from dgchat.cli import run
from dgchat.crash import harmless_command, report_crash, report_of, watch_threads

SECRET = "my prompt \x1b]52;c;aGk=\x07 hf_Token"


def broken(text: str) -> None:
    try:
        {}[text]
    except KeyError as error:
        raise ValueError(text) from error


def crashed(text: str = SECRET) -> BaseException:
    try:
        broken(text)
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--prompt", SECRET, "--seed", "7"], "dgchat --prompt ... --seed 7"),
        (["--prompt=hello", "--steps=4", "--json"], "dgchat --prompt=... --steps=4 --json"),
        (["--prompt", "word", "--pace", "live"], "dgchat --prompt ... --pace live"),
        (["--server", "http://me:key@host", "-o", "secret"], "dgchat --server ... -o ..."),
        (["models", "list"], "dgchat models list"),
        (["--t-min", "0.5", "--device", "cpu"], "dgchat --t-min 0.5 --device cpu"),
        ([], "dgchat"),
    ],
)
def test_the_command_is_told_without_what_a_person_wrote(arguments: list[str], told: str):
    assert harmless_command(arguments) == told


def test_a_report_has_the_places_and_no_word_of_anybody():
    report = report_of(crashed(), "dgchat")
    assert "builtins.ValueError" in report
    assert "builtins.KeyError" in report
    assert "tests/test_crash.py:" in report
    assert not any(part in report for part in ("my prompt", "hf_Token", "\x1b", "52;c"))


def test_a_crash_is_one_line_that_names_the_file(tmp_path: Path):
    line = report_crash(crashed(), ["--prompt", SECRET])
    (file,) = (tmp_path / "data" / "crashes").iterdir()
    assert line.count("\n") == 0
    assert str(file) in line
    assert "dgchat --prompt ..." in line
    assert "my prompt" not in line + file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_where_no_report_can_be_written_the_line_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DGCHAT_DATA_DIR", "/dev/null/dgchat")
    assert "ValueError" in report_crash(crashed(), [])


def test_the_command_line_makes_a_line_of_what_nobody_foresaw(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(*_: object, **__: object) -> None:
        raise crashed()

    monkeypatch.setattr("dgchat.cli.choose_settings", fail)
    assert run(["--prompt", SECRET]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dgchat: dgchat broke: ValueError in ")
    assert err.count("\n") == 1
    assert "my prompt" not in err


def test_an_error_in_a_thread_is_told_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(crash.sys, "unraisablehook", crash.sys.unraisablehook)
    told: list[BaseException] = []
    watch_threads(told.append)
    thread = threading.Thread(target=broken, args=(SECRET,))
    thread.start()
    thread.join()
    assert [type(error) for error in told] == [ValueError]
    assert capsys.readouterr() == ("", "")
