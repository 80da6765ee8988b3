"""Pipes that close, disks that fill, readers that dawdle: exit codes, no traceback, only the answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat.engine.events import CanvasStep, Event, EventListener
from dgchat_process import run_scripted, scripted_command
from recorded import recorded_answer, stream_of
from scripted_engine import ANSWER, ScriptedEngine

CODE = "Here:\n```python\nprint(1)\n```\nand\n```\nprint(2)\n```\nDone."
LONG = " ".join(f"word{number}" for number in range(70))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that answers."""
    scripted = ScriptedEngine()
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: scripted)
    return scripted


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A stored stream."""
    events, last = recorded_answer(answer=LONG)
    file = tmp_path / "stream.jsonl"
    file.write_text("".join(stream_of(events, last)), encoding="utf-8")
    return file


def test_a_stream_has_every_event_and_ends_with_the_answer() -> None:
    done = run_scripted("--prompt", "hello", "--jsonl", "--seed", "3")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    names = [line["event"] for line in lines]
    assert names == ["prefilled", "canvas_started", *["step"] * 12, "canvas_committed", "finished"]
    assert (lines[-1]["text"], lines[-1]["seed"]) == (ANSWER, 3)


def test_the_last_line_of_a_stream_is_the_object_of_json(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["--prompt", "hello", "--seed", "3", "--json"])
    whole = json.loads(capsys.readouterr().out)
    run(["--prompt", "hello", "--seed", "3", "--jsonl"])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: last[name] for name in last if name not in ("v", "event")} == whole


def test_a_line_is_there_before_the_next_step_is_made() -> None:
    command = scripted_command("--prompt", "hello", "--jsonl", step_seconds=0.2)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b'"step":2,' not in process.stdout.readline():
            pass
        assert process.poll() is None


def test_an_engine_that_fails_ends_the_stream_with_the_error() -> None:
    done = run_scripted("--prompt", "hello", "--jsonl", fail_at_step=3)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["event"], last["message"]) == (1, "error", "The engine broke.")
    assert done.stderr == b"dgchat: The engine broke. (ask again)\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_stream_with_the_draft(number: signal.Signals) -> None:
    command = scripted_command("--prompt", "hello", "--jsonl", step_seconds=0.1)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b'"step":2,' not in process.stdout.readline():
            pass
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["finish_reason"] == "cancelled"


@pytest.mark.parametrize("arguments", [("--jsonl",), ("--json",), ("--code",), ("--thought",)])
def test_a_reader_that_has_gone_is_no_traceback(arguments: tuple[str, ...]) -> None:
    command = scripted_command("--prompt", "hello", *arguments, answer=CODE, thought="Hm.")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_head_stops_the_engine_soon() -> None:
    command = scripted_command("--prompt", "hello", "--jsonl", step_seconds=0.05, steps=1000)
    with subprocess.Popen([*command, "--steps", "1000"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"{"
        process.stdout.close()
        assert process.wait(timeout=20) == 1


def test_a_reader_of_a_view_that_has_gone_is_no_traceback(stream: Path) -> None:
    with subprocess.Popen(
        scripted_command("view", str(stream)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_slow_reader_gets_everything_and_does_not_slow_the_engine() -> None:
    reading, writing = os.pipe()
    command = scripted_command("--prompt", "hello", "--jsonl", "--max-tokens", "4096", answer=LONG * 12)
    with subprocess.Popen(command, stdout=writing) as process:
        os.close(writing)
        chunks = []
        while chunk := os.read(reading, 97):
            chunks.append(chunk)
    os.close(reading)
    assert process.returncode == 0
    assert json.loads(b"".join(chunks).splitlines()[-1])["text"] == LONG * 12


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [("--jsonl",), ("--json",), ("-o", "/dev/full")])
def test_a_full_disk_is_one_line(arguments: tuple[str, ...]) -> None:
    command = scripted_command("--prompt", "hello", *arguments)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"No space" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_view_on_a_full_disk_is_one_line(stream: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = scripted_command("view", str(stream))
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


@pytest.mark.parametrize(
    ("stdin", "words"), [(b"\x7fELF\xff", b"UTF-8"), (b"", b"empty"), (b" \n", b"empty")]
)
@pytest.mark.parametrize("arguments", [("--jsonl",), ("--code",), ("--prompt", "-", "--jsonl")])
def test_a_stdin_that_is_no_prompt_is_one_line_and_exit_code_2(
    stdin: bytes, words: bytes, arguments: tuple[str, ...]
) -> None:
    done = run_scripted(*arguments, stdin=stdin)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert words in done.stderr


def test_a_megabyte_is_a_prompt() -> None:
    done = run_scripted("--jsonl", stdin=b"a long story " * 80_000)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("flag", "shown"),
    [("--code", "print(1)\n"), ("--code=first", "print(1)\n"), ("--code=all", "print(1)\n\nprint(2)\n")],
)
def test_code_alone_can_be_printed(flag: str, shown: str) -> None:
    assert run_scripted("--prompt", "hello", flag, answer=CODE).stdout.decode() == shown


def test_an_answer_without_code_or_thought_is_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("old", encoding="utf-8")
    done = run_scripted("--prompt", "hello", "--code", "-o", str(file))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no fenced code block" in done.stderr
    assert file.read_text(encoding="utf-8") == "old"
    assert run_scripted("--prompt", "hello", "--thought").returncode == 1


def test_a_thought_alone_can_be_printed_and_is_asked_for(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.thought = "Which tide?\n"
    assert run(["--prompt", "hello", "--thought"]) == 0
    assert capsys.readouterr().out == "Which tide?\n"
    assert engine.requests[0].thinking


def test_an_answer_can_go_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "answer"
    done = run_scripted("--prompt", "hello", "-o", str(file), answer="a \x1b[31m ü")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert file.read_text(encoding="utf-8") == "a ␛[31m ü\n"
    assert run_scripted("--prompt", "hello", "--json", "-o", str(file)).stdout == b""
    assert json.loads(file.read_text(encoding="utf-8"))["text"] == ANSWER


def test_a_stopped_answer_leaves_the_file_as_it_was(
    engine: ScriptedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(on_event: EventListener) -> EventListener:
        def listen(event: Event) -> None:
            on_event(event)
            if isinstance(event, CanvasStep) and event.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

        return listen

    file = tmp_path / "answer"
    file.write_text("old", encoding="utf-8")
    generate = engine.generate
    monkeypatch.setattr(
        engine,
        "generate",
        lambda request, on_event, cancelled: generate(request, interrupt(on_event), cancelled),
    )
    assert run(["--prompt", "hello", "-o", str(file)]) == 130
    shown = capsys.readouterr()
    assert (shown.out, file.read_text(encoding="utf-8")) == ("", "old")
    assert shown.err == f"dgchat: stopped at step 3/48; {file} is as it was\n"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["answer"]


def test_prompt_template_and_chat_reach_the_engine(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["-p", "one", "-p", "two", "--template", "Say {input}!", "--system", "Rhyme."])
    chat = [{"role": "system", "content": "Sing."}, {"role": "user", "content": "hello"}]
    (tmp_path / "chat.json").write_text(json.dumps(chat), encoding="utf-8")
    run(["--messages", str(tmp_path / "chat.json"), "--system", "Rhyme."])
    asked = [[(one.role, one.text) for one in request.messages] for request in engine.requests]
    assert asked == [
        [("system", "Rhyme."), ("user", "Say one\n\ntwo!")],
        [("system", "Sing."), ("user", "hello")],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json", "--jsonl"], "exclude each other"),
        (["--code", "--thought"], "exclude each other"),
        (["--code=some"], "--code=all"),
        (["--jsonl", "-o", "x"], "line by line"),
        (["-o", "/"], "is a folder"),
        (["-o", "/no/such/folder/x"], "no folder"),
        (["--messages", "x.json"], "leave out --prompt"),
        (["--template", "no place"], "{input}"),
        (["view", "x"], "--prompt does not go before view"),
    ],
)
def test_wishes_that_cannot_be_met_are_wrong_usage(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(["--prompt", "hello", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert not engine.requests


def test_parts_of_an_answer_need_a_prompt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], make_terminal: Callable[[], StringIO]
) -> None:
    monkeypatch.setattr("sys.stdin", make_terminal())
    assert run(["--jsonl"]) == 2
    assert "--prompt" in capsys.readouterr().err


@pytest.fixture
def make_terminal() -> Callable[[], StringIO]:
    """Something that says it is a terminal."""

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    return Terminal


IMPORTING_DRIVER = """
import sys, threading, time
import dgchat.cli

def stop(arguments=None):
    begun = threading.Event()
    def work():
        begun.set()
        time.sleep(60)  # a thread that the interpreter's end would wait for
    threading.Thread(target=work).start()
    begun.wait()
    sys.stdout.write("the draft")
    return 130

dgchat.cli.run = stop
from dgchat.__main__ import main
main()
"""


def test_a_stopped_command_leaves_at_once_whatever_its_threads_do_and_its_draft_is_written() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING_DRIVER], capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"the draft", b"")
