"""What scripts put around dgchat: jq, xargs, tee, script and tmux, as they are."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dgchat_process import run_scripted, scripted_command
from scripted_engine import ANSWER
from tmux_terminal import PATIENCE_SECONDS, Tmux, need_tmux

JSON_COMMANDS = (
    ("schema",),
    ("doctor", "--json"),
    ("ps", "--json"),
    ("sessions", "list", "--json"),
    ("models", "--json"),
    ("config", "show", "--json"),
    ("-p", "hello", "--json"),
    ("-p", "hello", "--json", "--refine", "1"),
    ("-p", "hello", "--jsonl", "--alternatives"),
    ("batch", "-", "--format", "lines"),
    ("bench", "--json", "--repeat", "1"),
    ("bench", "--json", "--repeat", "1", "--batch", "2"),
)


def tool(name: str) -> str:
    """The program; skips where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here")
    return found


def piped(line: str, *commands: list[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A shell line in which {0}, {1} and so on stand for commands."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.format(*map(shlex.join, commands))],
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("arguments", JSON_COMMANDS, ids=" ".join)
def test_jq_reads_every_json_that_is_printed(arguments: tuple[str, ...]) -> None:
    jq = tool("jq")
    done = run_scripted(*arguments, stdin=b"hello\n")
    assert done.returncode == 0
    assert done.stdout.endswith(b"\n")
    read = subprocess.run([jq, "-c", "."], input=done.stdout, capture_output=True, check=True)
    for written, line in zip(_documents(done.stdout), read.stdout.splitlines(), strict=True):
        assert json.loads(line, parse_int=float) == written


def test_jq_follows_a_stream_as_the_documentation_shows() -> None:
    jq = tool("jq")
    done = piped(
        f"{{0}} | {jq} -r 'select(.event == \"finished\").text'", scripted_command("-p", "hello", "--jsonl")
    )
    assert (done.returncode, done.stdout.decode()) == (0, ANSWER + "\n")


def test_xargs_asks_for_several_at_once_and_no_answer_is_torn() -> None:
    xargs = tool("xargs")
    command = scripted_command("--json", "--session", "together", "-p")
    done = piped(f"{xargs} -P 3 -I X {{0}} X", command, stdin=b"one\ntwo\nthree\nfour\nfive\nsix\n")
    assert done.returncode == 0
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == [ANSWER] * 6


def test_tee_keeps_the_stream_that_view_shows(tmp_path: Path) -> None:
    tee, file = tool("tee"), tmp_path / "stream.jsonl"
    view = [sys.executable, "-m", "dgchat", "view", "-"]
    done = piped(f"{{0}} | {tee} {file} | {{1}}", scripted_command("-p", "hello", "--jsonl"), view)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, ANSWER + "\n", b"")
    assert json.loads(file.read_text(encoding="utf-8").splitlines()[-1])["text"] == ANSWER


def test_script_gives_it_a_terminal_that_is_left_clean(tmp_path: Path) -> None:
    script, typescript = tool("script"), tmp_path / "typescript"
    command = scripted_command("-p", "hello", "--seed", "1", step_seconds=0.02)
    done = subprocess.run(
        [script, "-q", "-e", "-c", shlex.join(command), str(typescript)],
        env=os.environ | {"TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    written = typescript.read_bytes()
    assert done.returncode == 0
    assert ANSWER.encode() in written
    assert written.count(b"\x1b[?25l") == written.count(b"\x1b[?25h") > 0


def test_a_pane_of_tmux_that_is_piped_to_a_file_holds_the_answer(tmp_path: Path) -> None:
    need_tmux()
    tmux, log = Tmux(tmp_path), tmp_path / "pane.log"
    tmux.start(["sh"])
    try:
        tmux.run("pipe-pane", f"cat > {shlex.quote(str(log))}")
        (tmp_path / "ask").write_text(
            shlex.join(scripted_command("-p", "hello", "--seed", "1")), encoding="utf-8"
        )
        tmux.type(f"sh {tmp_path / 'ask'}")
        tmux.press("Enter")
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not (log.exists() and ANSWER.encode() in log.read_bytes()):
            assert time.monotonic() < give_up
            time.sleep(0.05)
    finally:
        tmux.run("kill-server")


def _documents(written: bytes) -> list[object]:
    """One that may take several lines, or one a line; numbers as jq has them, which knows no others."""
    try:
        return [json.loads(written, parse_int=float)]
    except json.JSONDecodeError:
        return [json.loads(line, parse_int=float) for line in written.splitlines()]
