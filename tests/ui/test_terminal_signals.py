"""Told to go, the chat leaves the terminal as it was; in a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import termios
from pathlib import Path
from time import monotonic

import pytest

PROGRAM = """
import sys
from scripted_engine import ScriptedEngine
from dgchat.settings import Settings
from dgchat.ui.run import run_app
sys.exit(run_app(Settings(), lambda loading: ScriptedEngine(steps=48, step_seconds=float(sys.argv[1]))))
"""
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0


class Terminal:
    """The chat in a pseudo-terminal of its own."""

    def __init__(self, step_seconds: float) -> None:
        self.child, self.fileno = pty.fork()
        if self.child == 0:
            paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
            environment = {**os.environ, "PYTHONPATH": paths, "TERM": "xterm-256color"}
            os.execve(sys.executable, [sys.executable, "-c", PROGRAM, str(step_seconds)], environment)
        self.attributes = termios.tcgetattr(self.fileno)
        self.written = b""

    def read_until(self, text: bytes) -> None:
        deadline = monotonic() + PATIENCE_SECONDS
        while text not in self.written:
            assert monotonic() < deadline, f"{text!r} was never written"
            self.read()

    def read(self) -> bool:
        """Take what has been written; False at the end."""
        if not select.select([self.fileno], [], [], 0.1)[0]:
            return True
        try:
            self.written += (data := os.read(self.fileno, 65536))
        except OSError:
            return False
        return bool(data)

    def exit_code(self) -> int:
        deadline = monotonic() + PATIENCE_SECONDS
        while monotonic() < deadline:
            self.read()
            ended, status = os.waitpid(self.child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.child, signal.SIGKILL)
        raise AssertionError("it never ended")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
@pytest.mark.parametrize("step_seconds", [0.05, 30.0], ids=["between steps", "in a step"])
def test_a_signal_restores_the_terminal_and_ends_the_chat(name, step_seconds):
    terminal = Terminal(step_seconds)
    terminal.read_until(b"ready in")
    os.write(terminal.fileno, b"hello\r")
    terminal.read_until(b"first step" if step_seconds > 1 else b"settled")
    number = getattr(signal, name)
    told = monotonic()
    os.kill(terminal.child, number)
    assert terminal.exit_code() == 128 + number
    assert monotonic() - told < 5
    for mode in (b"1049", b"1000", b"1003", b"2004"):
        on, off = (
            terminal.written.rfind(b"\x1b[?" + mode + b"h"),
            terminal.written.rfind(b"\x1b[?" + mode + b"l"),
        )
        assert off > on, f"mode {mode!r} is left on"
    assert b"Traceback" not in terminal.written
    assert termios.tcgetattr(terminal.fileno)[3] == terminal.attributes[3]


def test_an_escape_inside_a_real_paste_sends_nothing():
    terminal = Terminal(0.05)
    terminal.read_until(b"ready in")
    os.write(terminal.fileno, b"\x1b[200~danger\x1b\r\x1b[13u\x1b[201~")
    terminal.read_until("danger␛".encode())
    assert b"first step" not in terminal.written
    os.kill(terminal.child, signal.SIGTERM)
    terminal.exit_code()
