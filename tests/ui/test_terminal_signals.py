"""Told to go, the chat leaves the terminal as it was; in a real pseudo-terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from dgchat_process import scripted_command
from pty_process import PtyProcess

OpenChat = Callable[[float], PtyProcess]


@pytest.fixture
def open_chat() -> Iterator[OpenChat]:
    """Opens a chat whose steps take so many seconds, and waits until it is there."""
    opened: list[PtyProcess] = []

    def open_it(step_seconds: float) -> PtyProcess:
        opened.append(PtyProcess(scripted_command("--pace", "live", steps=48, step_seconds=step_seconds)))
        opened[-1].wait_for("ready in")
        return opened[-1]

    yield open_it
    for terminal in opened:
        terminal.close()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
@pytest.mark.parametrize("step_seconds", [0.05, 30.0], ids=["between steps", "in a step"])
def test_a_signal_restores_the_terminal_and_ends_the_chat(open_chat, name, step_seconds):
    terminal = open_chat(step_seconds)
    terminal.press("hello\r")
    terminal.wait_for("first step" if step_seconds > 1 else "settled")
    number = getattr(signal, name)
    told = terminal.send(number)
    assert terminal.exit_code() == 128 + number
    assert monotonic() - told < 5
    assert b"\x1b[?1049h" in terminal.written
    assert terminal.modes_left_on() == []
    assert b"Traceback" not in terminal.written


def test_an_escape_inside_a_real_paste_sends_nothing(open_chat):
    terminal = open_chat(0.05)
    terminal.press("\x1b[200~danger\x1b\r\x1b[13u\x1b[201~")
    terminal.wait_for("danger␛")
    assert b"first step" not in terminal.written
    terminal.send(signal.SIGTERM)
    terminal.exit_code()
