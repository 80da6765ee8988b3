"""The doctor as a bug report: machine, settings, cache and terminal, and nothing that is secret."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat.doctor.fact import without_home
from dgchat.doctor.replies import Replies, read_replies
from dgchat.doctor.terminal import ALL_COLOURS, count_colours
from dgchat.paths import config_dir
from fake_chat_server import MODEL, FakeChatServer

KEY = "sk-very-secret"
Report = Callable[..., tuple[int, dict[str, object], str]]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Run `doctor --json`; exit code, the object, and its text."""

    def doctor(*before: str) -> tuple[int, dict[str, object], str]:
        code = run([*before, "doctor", "--json", "--device", "cpu"])
        shown = capsys.readouterr().out
        assert shown.count("\n") == 1
        return code, json.loads(shown), shown

    return doctor


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a program on the path that prints a text."""
    if os.name == "nt":
        pytest.skip("shell scripts are a POSIX thing")

    def install(name: str, script: str) -> None:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return install


def write_config(text: str) -> None:
    config_dir().mkdir(parents=True, exist_ok=True)
    (config_dir() / "config.toml").write_text(text, encoding="utf-8")


def test_one_object_has_all_that_the_lines_have(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, _ = report()
    assert (code, found["problems"]) == (0, [])
    run(["doctor", "--device", "cpu"])
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == [name for name in found if name != "problems"]
    assert set(found["packages"]) >= {"torch", "triton", "textual", "httpx2"}
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))


def test_driver_and_gpus_are_what_nvidia_smi_says(
    report: Report, program: Callable[[str, str], None]
) -> None:
    program("nvidia-smi", "echo 'NVIDIA H100 80GB HBM3, 550.54.15, 81559'")
    assert report()[1]["gpus"] == [
        {"name": "NVIDIA H100 80GB HBM3", "driver": "550.54.15", "memory_bytes": 81559 * 2**20}
    ]


@pytest.mark.parametrize("script", ["echo 'No devices were found'", "exit 9", "echo 'A, B, [N/A]'"])
def test_a_driver_without_a_gpu_is_none(
    report: Report, program: Callable[[str, str], None], script: str
) -> None:
    program("nvidia-smi", script)
    assert report()[1]["gpus"] == []


def test_broken_settings_are_a_problem_and_the_rest_is_told_all_the_same(report: Report) -> None:
    write_config("stepps = 4")
    code, found, _ = report()
    assert code == 2
    assert "unknown setting stepps" in found["problems"][0]["message"]
    assert found["problems"][0]["exit_code"] == 2
    assert "terminal" in found


def test_a_broken_theme_and_one_that_is_not_there_are_problems(report: Report) -> None:
    write_config('theme = "embr"')
    (config_dir() / "themes").mkdir()
    (config_dir() / "themes" / "mine.toml").write_text("name = ", encoding="utf-8")
    code, found, _ = report()
    words = [problem["message"] for problem in found["problems"]]
    assert code == 2
    assert "mine.toml" in words[0]
    assert "embr" in words[1]
    assert found["settings"]["changed"]["theme"] == "file"


def test_no_key_is_told_only_that_there_is_one(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGCHAT_SERVER_KEY", KEY)
    with FakeChatServer(key=KEY) as server:
        code, found, shown = report("--server", server.url)
    assert code == 0
    assert found["settings"]["keys_set"] == ["DGCHAT_SERVER_KEY"]
    assert found["server"] == {
        "url": f"{server.url}/v1",
        "model": MODEL,
        "context_length": 8192,
        "has_key": True,
    }
    assert KEY not in shown


def test_a_server_that_is_not_there_is_a_problem(report: Report) -> None:
    code, found, _ = report("--server", "http://127.0.0.1:9")
    assert code == 1
    assert "cannot be reached" in found["problems"][0]["message"]


def test_the_model_that_a_bare_dgchat_opens_is_named_with_the_reason(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "only on a CUDA GPU" in report()[1]["bare"]["because"]
    monkeypatch.setenv("DGCHAT_MODEL", "someone/else")
    code, found, _ = report()
    assert code == 1
    assert any("someone/else" in problem["message"] for problem in found["problems"])


def test_the_home_folder_is_a_tilde(report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _, found, shown = report()
    assert str(tmp_path) not in shown
    assert found["settings"]["path"] == "~/config/config.toml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/me/x and /home/me", "~/x and ~"),
        ("/home/me2/x", "/home/me2/x"),
        ("/mnt/home/me/x", "/mnt/home/me/x"),
        ("(/home/me)", "(~)"),
    ],
)
def test_only_the_home_folder_itself_is_shortened(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert without_home(text) == expected


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({}, 0),
        ({"TERM": "dumb"}, 0),
        ({"TERM": "xterm"}, 16),
        ({"TERM": "screen-256color"}, 256),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, ALL_COLOURS),
        ({"TERM": "xterm-direct"}, ALL_COLOURS),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, 0),
    ],
)
def test_colours_are_counted_by_what_the_environment_says(environment: dict[str, str], colours: int) -> None:
    assert count_colours(environment) == colours


@pytest.mark.parametrize(
    ("answer", "replies"),
    [
        (b"", Replies()),
        (b"\x1b[?2026;2$y\x1b[?0u\x1b[?62;52;c", Replies(True, True, True)),
        (b"\x1b[?2026;0$y\x1b[?62;22c", Replies(False, False, None)),
        (b"\x1b[?1;2c", Replies(False, False, None)),
        (b"\x1b[?2026;2$y", Replies()),
    ],
)
def test_a_reply_is_read_and_silence_is_not_taken_for_no(answer: bytes, replies: Replies) -> None:
    assert read_replies(answer) == replies


@pytest.mark.parametrize(("escape_time", "is_slow"), [("500", True), ("10", False)])
def test_tmux_tells_its_escape_time_and_its_clipboard(
    report: Report,
    program: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    escape_time: str,
    is_slow: bool,
) -> None:
    program("tmux", f'case "$*" in *escape-time) echo {escape_time};; *set-clipboard) echo off;; esac')
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    tmux = report()[1]["tmux"]
    assert (tmux["escape_time_milliseconds"], tmux["is_slow"]) == (int(escape_time), is_slow)
    assert tmux["set_clipboard"] == "off"
