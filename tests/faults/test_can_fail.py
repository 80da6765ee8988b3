"""Each check sees it when the protection that it is about is taken away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgchat_process import scripted_command
from faults.failing_files import python_with_faults
from faults.test_checkpoints import SHRINK
from faults.test_leaks import look_at_chat
from faults.test_storage import CONVERSE, SAVE_SETTING, needs_faults
from pty_process import PtyProcess
from tiny import write_checkpoint

pytestmark = pytest.mark.slow
WITHOUT = "from faults.mutations import remove_protection\nremove_protection({name!r})\n"
MAPPED = """
from safetensors import safe_open
import dgchat.checkpoint.headers as headers

def read_headers(folder):
    try:
        with safe_open(folder / "model.safetensors", framework="np") as opened:
            return list(opened.keys())
    except Exception as error:
        raise headers.CheckpointError(str(error)) from error

headers.read_headers = read_headers
"""


def chat(without: str, **script: object) -> PtyProcess:
    opened = PtyProcess(scripted_command("--pace", "live", "--seed", "7", without=without, **script))
    opened.wait_for("ready in")
    return opened


def test_without_marks_hostile_text_leaks():
    leaks = look_at_chat(without="marks").leaks
    assert sum(bool(found) for found in leaks.values()) >= 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_without_the_handlers_a_signal_leaves_modes_on(number: int):
    opened = chat("signals", steps=48, step_seconds=0.05)
    opened.send(number)
    opened.exit_code()
    assert opened.modes_left_on()
    opened.close()


def test_without_safe_paste_a_paste_presses_keys():
    opened = chat("safe paste", steps=2)
    pasted = opened.press("\x1b[200~danger\x1b\r\x1b[13u\x1b[201~")
    opened.wait_for("seed 7", since=pasted)  # it was sent and answered
    opened.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a mapping may read zeros")
def test_with_a_mapping_a_file_that_shrinks_kills(tmp_path: Path):
    write_checkpoint(tmp_path)
    command = [sys.executable, "-c", MAPPED + SHRINK, str(tmp_path), "20000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        assert process.wait(120) == -signal.SIGBUS
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the child that made the file shrink


@needs_faults
def test_a_storage_that_lies_is_found_out(tmp_path: Path):
    (tmp_path / "home").mkdir()
    program = WITHOUT.format(name="put off") + CONVERSE
    told = python_with_faults(tmp_path, program, "write", "full", "stays", "9", str(tmp_path / "home"))
    assert json.loads(told)["lost"]


@needs_faults
def test_settings_written_in_place_are_found_out(tmp_path: Path):
    program = WITHOUT.format(name="whole settings") + SAVE_SETTING
    assert json.loads(python_with_faults(tmp_path, program, "write", str(tmp_path / "home")))["wrong"]


def test_textuals_own_traceback_would_show_the_prompt():
    opened = chat("no locals", steps=2)
    opened.press("my secret words\r")
    opened.exit_code()
    assert b"Traceback" in opened.written
    opened.close()
