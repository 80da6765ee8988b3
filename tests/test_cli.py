"""The command line itself: help, version, bench and doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dgchat
from dgchat.bench import NEVER_CONFIDENT, measure
from dgchat.cli import run
from dgchat.errors import CheckpointError
from dgchat.settings import setting_names
from dgchat_process import run_dgchat, run_scripted
from fake_hub import COMMIT, TINY, FakeHub
from scripted_engine import ANSWER, ScriptedEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that every command gets."""
    scripted = ScriptedEngine()
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: scripted)
    return scripted


def test_python_m_dgchat_tells_its_version() -> None:
    done = run_dgchat("--version")
    assert (done.returncode, done.stdout.split(), done.stderr) == (
        0,
        [b"dgchat", dgchat.__version__.encode()],
        b"",
    )


def test_help_names_every_flag_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    flags = {"--think" if name == "thinking" else "--" + name.replace("_", "-") for name in setting_names()}
    assert all(flag in shown for flag in flags | {"--prompt", "--json", "--version"})
    assert all(f"{code} " in shown for code in ("0", "1", "2", "3", "130"))


def test_without_a_terminal_and_input_the_chat_says_so_in_one_line() -> None:
    done = run_dgchat()
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert b"needs a terminal" in done.stderr


def test_the_version_is_all_that_a_command_after_it_gets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version", "bench"]) == 0
    assert capsys.readouterr().out == f"dgchat {dgchat.__version__}\n"


def test_a_setting_to_be_plain_leaves_pipes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGCHAT_PLAIN", "1")
    assert b'"text"' in run_scripted("--json", stdin=b"hello").stdout


def test_a_closed_standard_input_is_an_empty_one() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m dgchat <&-', sys.executable], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr


def test_plain_takes_a_line_that_is_no_utf_8_with_a_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    done = run_scripted("--plain", stdin=b"caf\xe9?\n/nothing \xe9\n/quit\n", steps=1)
    assert done.returncode == 0, done.stderr
    assert b"1 steps" in done.stdout


@pytest.mark.parametrize("before", [["--yes"], ["--json"], ["--prompt", "hello"]])
def test_flags_of_the_chat_do_not_go_before_models(
    before: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*before, "models"]) == 2
    assert "before models" in capsys.readouterr().err


def test_models_pull_and_its_failure_are_commands_with_exit_codes(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "pull", TINY]) == 0
    assert capsys.readouterr().out.endswith(f"snapshots/{COMMIT}\n")
    assert run(["models", "pull", TINY, "--revision", "v9"]) == 1
    assert capsys.readouterr().err.startswith(f"dgchat: {TINY} has no revision v9 (")
    assert run(["models", "pull", "tiny"]) == 3
    assert run(["models", "pull"]) == 2
    assert run(["models", "pul", TINY]) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["models", "bogus"], "(dgchat models has list, pull, "),
        (["models", "verfy"], "Did you mean 'verify'?"),
        (["models", "pull", TINY, "--bogus"], "(dgchat models pull --help lists the options)"),
        (["bogus"], "(a prompt goes behind --prompt"),
    ],
)
def test_a_word_that_is_no_command_is_answered_with_those_that_are(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert ("--prompt" in shown) is (arguments == ["bogus"])


def test_a_named_checkpoint_is_fetched_with_yes_and_then_answers(
    hub: FakeHub, engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--model", TINY, "--prompt", "hello"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"dgchat models pull {TINY}" in err
    assert hub.requests == []
    assert run(["--model", TINY, "--prompt", "hello", "--yes"]) == 0
    assert capsys.readouterr().out == ANSWER + "\n"
    assert len(hub.fetched()) == 7


def test_a_bare_prompt_asks_no_hub(
    hub: FakeHub, engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--prompt", "hello", "--yes"]) == 0
    assert hub.requests == []


def test_bench_measures_every_step_of_every_run(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.steps = 100
    assert run(["bench", "--steps", "5", "--repeat", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["steps"], result["repeat"], result["model"]) == (5, 2, "scripted 1M")
    assert result["steps_per_second"] == pytest.approx(1000)
    assert result["ms_per_step"] == pytest.approx(1.0)


def test_bench_turns_early_stopping_off_and_leaves_the_warm_up_out() -> None:
    engine = ScriptedEngine(steps=100)
    result = measure(engine, steps=3, repeat=4)
    assert [len(seconds) for seconds in result.runs] == [3] * 4
    assert len(engine.requests) == 5
    assert {request.sampler.confidence_threshold for request in engine.requests} == {NEVER_CONFIDENT}


def test_bench_speaks_to_people_too(engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--steps", "4"]) == 0
    shown = capsys.readouterr().out
    assert "steps/s" in shown
    assert "ms/step" in shown


def test_flags_before_a_command_count_for_it(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--steps", "3", "bench", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 3


def test_doctor_names_versions_device_model_ops_themes_and_terminal() -> None:
    shown = run_dgchat("doctor").stdout.decode()
    named = {line.split()[0] for line in shown.splitlines() if not line.startswith(" ")}
    assert {
        "dgchat",
        "python",
        "packages",
        "device",
        "ops",
        "model",
        "settings",
        "themes",
        "terminal",
    } <= named
    assert "\x1b" not in shown


def test_doctor_goes_on_after_a_problem_and_ends_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str | None, device: str) -> None:
        raise CheckpointError("config.json is \x1b[31mmissing")

    monkeypatch.setattr("dgchat.engine.model_choice.choose_model", broken)
    assert run(["doctor"]) == 3
    shown = capsys.readouterr().out
    assert "problem    config.json is ␛[31mmissing" in shown
    assert "terminal" in shown


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("500", "~/.tmux.conf"), ("10", "escape-time 10 ms"), ("nonsense", "unknown")],
)
@pytest.mark.skipif(os.name == "nt", reason="tmux is a POSIX program")
def test_doctor_names_a_slow_tmux(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmux_that_answers: Callable[[str], None],
    answer: str,
    expected: str,
) -> None:
    tmux_that_answers(answer)
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    run(["doctor"])
    tmux = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("tmux"))
    assert expected in tmux


@pytest.fixture
def tmux_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a tmux on the path that knows one option."""

    def install(answer: str) -> None:
        program = tmp_path / "tmux"
        program.write_text(f"#!/bin/sh\necho {answer}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return install


def test_where_a_model_that_does_not_fit_was_named_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tiny import write_checkpoint  # brings torch, which few tests here need

    monkeypatch.setattr("dgchat.engine.device.free_memory", lambda device: 50_000)
    monkeypatch.setenv("DGCHAT_MODEL", str(write_checkpoint(tmp_path / "tiny")))
    assert run(["--prompt", "hello", "--device", "cpu"]) == 1
    assert "the bundled model fits: leave out DGCHAT_MODEL" in capsys.readouterr().err


def test_what_is_left_at_the_end_is_not_collected():
    """With torch that takes seconds on a busy machine, after the screen has been given back."""
    program = (
        "import atexit, gc; atexit.register(lambda: print('frozen', gc.get_freeze_count() > 0));"
        "from dgchat.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, timeout=60)
    assert b"frozen True" in done.stdout
