"""Progress is a line per file in a pipe, and bars with bytes, rate and time left on a terminal."""

from __future__ import annotations

import re
from io import StringIO

import pytest

from dgchat.hub.repository import RemoteFile
from dgchat.model_commands.progress import ProgressBars, ProgressLines

FILES = [RemoteFile("config.json", 1200, "a"), RemoteFile("model.safetensors", 5_000_000_000, "b")]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_one_line_for_each_whole_file_and_no_escape():
    stream = StringIO()
    with ProgressLines(FILES, stream) as lines:
        lines.show({"config.json": 600}, None)
        lines.show({"config.json": 1200}, None)
        lines.show({"config.json": 1200, "model.safetensors": 5_000_000_000}, None)
    shown = stream.getvalue().splitlines()
    assert [line.partition(" in ")[0] for line in shown] == [
        "config.json: 1.2 kB",
        "model.safetensors: 5.0 GB",
    ]
    assert "\x1b" not in stream.getvalue()


def test_a_pipe_is_told_of_each_stall_once():
    stream = StringIO()
    with ProgressLines(FILES, stream) as lines:
        for seconds in (None, 60.0, 61.0, None, 65.0):
            lines.show({"config.json": 600}, seconds)
    assert stream.getvalue().splitlines() == ["stalled: no byte for 60 s", "stalled: no byte for 65 s"]


def test_a_terminal_sees_bytes_rate_time_left_and_a_stall(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    with ProgressBars(FILES, stream) as bars:
        bars.show({"config.json": 1200}, None)
        bars.show({"config.json": 1200, "model.safetensors": 1_000_000_000}, None)
        bars.show({"config.json": 1200, "model.safetensors": 2_000_000_000}, 63.0)
    shown = stream.getvalue()
    assert "model " in shown
    assert "2.0/5.0 GB" in shown
    assert "stalled for 63 s" in shown
    assert "/s" in shown
    assert "0:00:0" in shown


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_bar_and_its_figures_take_one_line(monkeypatch: pytest.MonkeyPatch, columns: int):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream, shard = Terminal(), RemoteFile("model-00011-of-00011.safetensors", 18_800_000_000, "a")
    bars = ProgressBars([shard], stream)
    with bars:
        bars.show({shard.name: 1_000_000_000}, None)
        drawn = len(stream.getvalue())
        bars.show({shard.name: 2_000_000_000}, 3600.0)
        frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()[drawn:])
    lines = frame.strip().splitlines()
    assert [line.split()[0] for line in lines] == ["model-00011-of-00011", "stalled"]
    assert all("2.0/18.8 GB" in line for line in lines)
    assert all(len(line) <= columns for line in lines)


def test_a_low_terminal_sees_the_total_and_a_stall_however_many_files_there_are(
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in {"COLUMNS": "80", "LINES": "6", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    shards = [RemoteFile(f"model-{n:05}-of-00011.safetensors", 1_000_000, "a") for n in range(1, 12)]
    with ProgressBars(shards, stream) as bars:
        here = {shard.name: shard.num_bytes for shard in shards[:-1]}
        bars.show(here | {shards[-1].name: 500_000}, None)
        drawn = len(stream.getvalue())
        bars.show(here | {shards[-1].name: 600_000}, 61.0)
        frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()[drawn:])
    assert [line.split()[0] for line in frame.strip().splitlines()] == ["model-00011-of-00011", "stalled"]
    assert "10.6/11.0 MB" in frame


def test_a_hostile_file_name_is_shown_and_not_obeyed():
    stream = StringIO()
    hostile = RemoteFile("\x1b]0;x\x07.json", 1, "a")
    with ProgressLines([hostile], stream) as lines:
        lines.show({hostile.name: 1}, None)
    assert "\x1b" not in stream.getvalue()
    terminal = Terminal()
    with ProgressBars([hostile], terminal) as bars:
        bars.show({hostile.name: 0}, None)
    assert "\x1b]0" not in terminal.getvalue()
