"""A bar of bytes on a terminal while there is something to wait for, and a few lines elsewhere."""

from __future__ import annotations

import re
from io import StringIO

import pytest

from dgchat.engine.events import LoadProgress
from dgchat.model_commands.byte_bar import ByteBar

TOTAL = 50_500_000_000
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _a_terminal_that_can_redraw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")


def shown_on(stream: StringIO) -> str:
    """What half of the work looks like; the last frame before the bar goes is of the latest state."""
    with ByteBar("quantising", stream) as bar:
        bar.show(LoadProgress(0, TOTAL))
        bar.show(LoadProgress(TOTAL // 2, TOTAL))
    return stream.getvalue()


def test_name_bar_and_bytes_take_one_line_of_60_columns():
    frame = ESCAPES.sub("", shown_on(Terminal())).strip().splitlines()[-1].rpartition("\r")[2]
    assert frame.startswith("quantising ")
    assert "25.2/50.5 GB" in frame
    assert len(frame) <= 60


def test_nothing_of_it_stays():
    last = shown_on(Terminal()).rpartition("GB")[2]
    assert last.endswith("\x1b[2K")
    assert "\x1b[?25h" in last


def test_hidden_it_comes_back_with_the_next_byte():
    stream = Terminal()
    with ByteBar("reading", stream) as bar:
        bar.show(LoadProgress(1, 2))
        bar.hide()
        before = len(stream.getvalue())
        bar.show(LoadProgress(2, 2))
    assert "2/2 bytes" in stream.getvalue()[before:]


def test_a_pipe_and_a_dumb_terminal_see_nothing_of_what_is_quick(monkeypatch: pytest.MonkeyPatch):
    assert shown_on(StringIO()) == ""
    monkeypatch.setenv("TERM", "dumb")
    assert shown_on(Terminal()) == ""


def test_a_pipe_sees_a_line_of_what_takes_long_and_fewer_and_fewer():
    pipe, now = StringIO(), 0.0
    with ByteBar("quantising", pipe, clock=lambda: now) as bar:
        for second in range(0, 11):
            now = float(second)
            bar.show(LoadProgress(second * TOTAL // 10, TOTAL))
    assert pipe.getvalue().splitlines() == [
        "quantising 5.0 of 50.5 GB, 1 s, 5.0 GB/s",
        "quantising 10.1 of 50.5 GB, 2 s, 5.0 GB/s",
        "quantising 20.2 of 50.5 GB, 4 s, 5.0 GB/s",
        "quantising 40.4 of 50.5 GB, 8 s, 5.0 GB/s",
    ]
