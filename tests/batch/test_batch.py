"""`dgchat batch`: answers in order, errors in their rows, and a rerun that completes what was stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dgchat.cli import run
from dgchat.engine.engine import DiffusionEngine
from dgchat.errors import DgchatError
from dgchat_process import run_scripted, scripted_command
from scripted_engine import ANSWER, ScriptedEngine
from tiny import CANVAS, CONTEXT, load_tiny

KILLS = 20
ROWS = 200

Lines = list[dict[str, Any]]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that answers, one row after another."""
    scripted = ScriptedEngine(steps=2)
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: scripted)
    return scripted


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> DiffusionEngine:
    """A tiny engine that denoises together."""
    loaded = DiffusionEngine(load_tiny(tmp_path_factory.mktemp("tiny")))
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: loaded)
    return loaded


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def lines_of(path: Path) -> Lines:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_answers_come_in_the_order_of_the_rows_with_all_their_fields(
    tmp_path: Path, tiny: DiffusionEngine, capsys: pytest.CaptureFixture[str]
):
    rows = [{"prompt": f"Hello {'moon ' * (i % 5)}", "id": i} for i in range(12)]
    output = tmp_path / "a.jsonl"
    source = write(tmp_path / "p.jsonl", *rows)
    assert run(["batch", source, "-o", str(output), "--batch-size", "5", "--seed", "40"]) == 0
    lines = lines_of(output)
    assert [line["row"] for line in lines] == list(range(12))
    assert [line["input"] for line in lines] == rows
    assert [line["seed"] for line in lines] == list(range(40, 52))
    assert {line["model"] for line in lines} == {tiny.info().model}
    assert capsys.readouterr().out == ""


def test_a_row_of_a_batch_has_the_answer_of_a_one_shot(
    tmp_path: Path, tiny: DiffusionEngine, capsys: pytest.CaptureFixture[str]
):
    source = write(tmp_path / "p.jsonl", {"prompt": "Hello"}, {"prompt": "A cat", "seed": 9})
    flags = ["--steps", "3", "--max-tokens", str(3 * CANVAS), "--system", "Be brief."]
    assert run(["batch", source, *flags, "--seed", "5"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line, prompt, seed in zip(lines, ("Hello", "A cat"), (5, 9), strict=True):
        assert run(["--prompt", prompt, "--seed", str(seed), *flags, "--json"]) == 0
        single = json.loads(capsys.readouterr().out)
        assert {name: line[name] for name in ("text", "seed", "settings", "finish_reason")} == {
            name: single[name] for name in ("text", "seed", "settings", "finish_reason")
        }


def test_bad_rows_become_error_rows_and_the_others_are_answered(
    tmp_path: Path, tiny: DiffusionEngine, capsys: pytest.CaptureFixture[str]
):
    source = tmp_path / "p.jsonl"
    too_long = json.dumps({"prompt": "moon " * CONTEXT, "id": 2})
    source.write_text(
        f'{{"prompt": "Hello"}}\n\nno json\n{too_long}\n{{"prompt": "A cat"}}\n', encoding="utf-8"
    )
    output = tmp_path / "a.jsonl"
    assert run(["batch", str(source), "-o", str(output)]) == 1
    lines = lines_of(output)
    assert [(line["row"], line["line"], "error" in line) for line in lines] == [
        (0, 1, False),
        (1, 3, True),
        (2, 4, True),
        (3, 5, False),
    ]
    assert lines[1]["input"] is None
    assert "not JSON" in lines[1]["error"]["message"]
    assert lines[2]["input"]["id"] == 2
    assert "leaves room for" in lines[2]["error"]["message"]
    assert "2 of 4 rows failed" in capsys.readouterr().err
    assert run(["batch", str(source), "-o", str(output)]) == 1


def test_an_engine_error_in_a_row_is_its_error(tmp_path: Path, engine: ScriptedEngine):
    engine.fail_at_step, engine.error = 2, DgchatError("It broke.", hint="ask again")
    output = tmp_path / "a.jsonl"
    assert run(["batch", write(tmp_path / "p.jsonl", {"prompt": "x"}), "-o", str(output)]) == 1
    assert lines_of(output)[0]["error"] == {"message": "It broke.", "hint": "ask again"}


def test_a_row_that_breaks_the_engine_ends_the_batch_and_keeps_what_is_done(
    tmp_path: Path, engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
):
    output = tmp_path / "a.jsonl"
    source = write(tmp_path / "p.jsonl", {"prompt": "x"})
    engine.fail_at_step, engine.error = 1, ZeroDivisionError("zero")
    assert run(["batch", source, "-o", str(output)]) == 1
    assert "The engine failed: ZeroDivisionError: zero" in capsys.readouterr().err
    assert lines_of(output) == []


def test_a_rerun_answers_only_what_has_no_answer(
    tmp_path: Path, engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
):
    rows = [{"prompt": f"row {i}"} for i in range(6)]
    output, source = tmp_path / "a.jsonl", tmp_path / "p.jsonl"
    run(["batch", write(source, *rows[:4]), "-o", str(output)])
    whole = output.read_bytes()
    cut = whole[: -len(whole.splitlines()[-1]) // 2]
    output.write_bytes(cut)
    engine.requests.clear()
    assert run(["batch", write(source, *rows), "-o", str(output)]) == 0
    assert [request.messages[-1].text for request in engine.requests] == ["row 3", "row 4", "row 5"]
    assert [line["row"] for line in lines_of(output)] == list(range(6))
    assert "3 of 6 rows are answered already" in capsys.readouterr().err
    engine.requests.clear()
    assert run(["batch", str(source), "-o", str(output)]) == 0
    assert engine.requests == []


@pytest.mark.parametrize("change", ["row", "seed", "fewer"])
def test_a_changed_input_or_setting_is_refused_unless_all_is_asked_again(
    tmp_path: Path, engine: ScriptedEngine, change: str, capsys: pytest.CaptureFixture[str]
):
    output, source = tmp_path / "a.jsonl", tmp_path / "p.jsonl"
    run(["batch", write(source, {"prompt": "a"}, {"prompt": "b"}), "-o", str(output)])
    before = output.read_bytes()
    if change != "seed":
        write(source, {"prompt": "a"}, *([{"prompt": "c"}] if change == "row" else []))
    arguments = ["batch", str(source), "-o", str(output), *(["--seed", "1"] if change == "seed" else [])]
    assert run(arguments) == 2
    assert "--again" in capsys.readouterr().err
    assert output.read_bytes() == before
    assert run([*arguments, "--again"]) == 0
    assert len(lines_of(output)) == (1 if change == "fewer" else 2)


def test_a_row_with_a_system_message_of_its_own_keeps_it(tmp_path: Path, engine: ScriptedEngine):
    own = [{"role": "system", "content": "Own."}, {"role": "user", "content": "x"}]
    source = write(tmp_path / "p.jsonl", {"messages": own}, {"messages": own[1:]})
    assert run(["batch", source, "-o", str(tmp_path / "a"), "--system", "Given."]) == 0
    assert [request.messages[0].text for request in engine.requests] == ["Own.", "Given."]


def test_pipes_at_both_ends_and_nothing_else_on_stdout():
    done = run_scripted("batch", "-", "--format", "lines", stdin="héllo\nyou\n".encode(), steps=1)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["input"]["prompt"], line["text"]) for line in lines] == [("héllo", ANSWER), ("you", ANSWER)]
    assert b"2 of 2 rows" in done.stderr
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["/nowhere.jsonl"],
        ["-", "--batch-size", "0"],
        ["-", "--format", "xml"],
        ["-", "--format", "csv", "--column", "nothing"],
        ["-", "-o", "/nowhere/a.jsonl"],
        ["-", "-o", "/"],
    ],
    ids=str,
)
def test_wrong_usage_is_told_in_a_line_before_a_model_is_loaded(arguments: list[str]):
    done = run_scripted("batch", *arguments, stdin=b'{"prompt": "x"}\n', load_seconds=60)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_ctrl_c_keeps_all_finished_rows_and_a_rerun_goes_on(tmp_path: Path):
    output = tmp_path / "a.jsonl"
    source = write(tmp_path / "p.jsonl", *({"prompt": str(i)} for i in range(100)))
    command = scripted_command("batch", source, "-o", str(output), steps=2, step_seconds=0.02)
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        _wait_for(lambda: output.exists() and output.read_bytes().count(b"\n") >= 3)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"stopped; " in told
    assert b"Traceback" not in told
    finished = lines_of(output)
    assert 3 <= len(finished) < 100
    assert run_scripted("batch", source, "-o", str(output), steps=2).returncode == 0
    assert lines_of(output)[: len(finished)] == finished
    assert [line["row"] for line in lines_of(output)] == list(range(100))


def test_a_reader_that_leaves_ends_the_batch_quietly(tmp_path: Path):
    source = write(tmp_path / "p.jsonl", *({"prompt": str(i)} for i in range(50)))
    command = scripted_command("batch", source, steps=1, step_seconds=0.01)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in told


TINY_DRIVER = """
import sys
import dgchat.api
from pathlib import Path
from dgchat.checkpoint import open_checkpoint
from dgchat.engine.engine import DiffusionEngine

checkpoint = open_checkpoint(Path(sys.argv.pop(1))).load()
dgchat.api.load_engine = lambda *names, **options: DiffusionEngine(checkpoint)
from dgchat.__main__ import main
main()
"""


def _kill_and_rerun(tmp_path: Path, rows: int, kills: int, seed: int) -> int:
    """Kill a batch of the tiny model at random until it has been killed so often, then let it end; how many
    deaths came while there were answers but not all.
    """
    load_tiny(tmp_path / "tiny")
    output = tmp_path / "a.jsonl"
    source = write(
        tmp_path / "p.jsonl", *({"prompt": f"Hello {'x' * (i % 9)}", "id": i} for i in range(rows))
    )
    arguments = ["batch", source, "-o", str(output), "--seed", "1", "--max-tokens", str(3 * CANVAS)]
    command = [sys.executable, "-c", TINY_DRIVER, str(tmp_path / "tiny"), *arguments]
    random, in_the_middle = Random(seed), 0
    for _ in range(kills):
        seen = output.stat().st_size if output.exists() else 0
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            _wait_for(lambda: process.poll() is not None or _size(output) > seen)  # noqa: B023 - called at once
            time.sleep(random.uniform(0.0, 0.3))  # the moment of death, not something waited for
            process.kill()
        in_the_middle += 0 < output.read_bytes().count(b"\n") < rows
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode == 0
    lines = lines_of(output)
    assert [line["row"] for line in lines] == list(range(rows))
    assert [line["input"]["id"] for line in lines] == list(range(rows))
    assert all("text" in line for line in lines)
    assert not (tmp_path / "a.jsonl.ahead").exists()
    return in_the_middle


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_batch_that_was_killed_has_every_row_once_after_a_rerun(tmp_path: Path):
    _kill_and_rerun(tmp_path, rows=60, kills=2, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_batch_killed_twenty_times_at_random_has_every_row_once_and_none_torn(tmp_path: Path):
    assert _kill_and_rerun(tmp_path, rows=ROWS, kills=KILLS, seed=int(time.time())) >= KILLS // 2
