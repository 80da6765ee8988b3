"""`dgchat batch` and a kept model: found, left behind, broken, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dgchat.posix import CAN_KEEP
from dgchat_process import run_scripted, scripted_command
from kept_models import FOREVER, eventually, keep, kept
from scripted_engine import ANSWER

pytestmark = pytest.mark.skipif(not CAN_KEEP, reason="only POSIX can keep a process")


def rows(count: int) -> bytes:
    return b"".join(b'{"prompt": "row %d"}\n' % number for number in range(count))


def answered(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_batch_finds_the_kept_model() -> None:
    one = keep()
    asked = rows(2) + b"no JSON\n" + rows(3)
    done = run_scripted("batch", "-", "--seed", "3", stdin=asked, load_seconds=FOREVER)
    assert done.returncode == 1
    answers = answered(done.stdout)
    assert [(row["row"], row.get("text"), row.get("seed")) for row in answers] == [
        (number, None, None) if number == 2 else (number, ANSWER, 3 + number) for number in range(6)
    ]
    assert [other["pid"] for other in kept()] == [one["pid"]]


def test_a_batch_leaves_a_keeper_behind_once_it_has_rows() -> None:
    assert run_scripted("batch", "-", "--keep", "60s").returncode == 2
    assert kept() == []
    assert run_scripted("batch", "-", "--keep", "60s", stdin=rows(1)).returncode == 0
    assert len(kept()) == 1
    assert run_scripted("--prompt", "hello", load_seconds=FOREVER).returncode == 0


def test_rows_that_a_broken_keeper_leaves_behind_are_answered_here() -> None:
    one = keep(step_seconds=0.05)
    command = scripted_command("batch", "-", "--seed", "3", answer="my own")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(rows(4))
        process.stdin.close()
        first = process.stdout.readline()
        os.kill(one["pid"], signal.SIGKILL)
        answers = answered(first + process.stdout.read())
    assert process.returncode == 0
    assert [row["row"] for row in answers] == [0, 1, 2, 3]
    assert [answers[0]["text"], answers[-1]["text"]] == [ANSWER, "my own"]


def test_a_stopped_batch_leaves_the_kept_model(tmp_path: Path) -> None:
    one = keep(step_seconds=0.05)
    (tmp_path / "rows.jsonl").write_bytes(rows(30))
    answers = tmp_path / "answers.jsonl"
    process = subprocess.Popen(
        scripted_command("batch", str(tmp_path / "rows.jsonl"), "-o", str(answers)), stderr=subprocess.PIPE
    )
    eventually(lambda: answers.is_file() and answers.read_bytes().endswith(b"\n"))
    process.send_signal(signal.SIGINT)
    assert b"stopped" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
    eventually(lambda: kept()[0]["state"] == "idle", seconds=2)
    assert kept()[0]["pid"] == one["pid"]
