"""What a person or a file gets wrong is one clear line and the documented exit code, within seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat_process import run_dgchat
from scripted_engine import ScriptedEngine

OK, FAILED, USAGE, CHECKPOINT = 0, 1, 2, 3

RunHere = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunHere:
    """Run the command line in this process: exit code, stdout, stderr."""

    def run_with(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin)))
        code = run(list(arguments))
        return code, *capsys.readouterr()

    return run_with


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer with a scripted engine."""
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: ScriptedEngine())


def assert_one_line(text: str, *words: str) -> None:
    assert text.startswith("dgchat: ")
    assert text.count("\n") == 1
    assert all(word in text for word in words), text
    assert "\x1b" not in text


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prompt", ""], ["prompt is empty"]),
        (["--prompt", " \n\t"], ["prompt is empty"]),
        (["--prompt"], ["--prompt", "argument"]),
        (["--prompt", "-"], ["prompt is empty"]),
        (["--prompt", "hello", "--stpes", "4"], ["--stpes", "--steps"]),
        (["--prompt", "hello", "--steps", "none"], ["--steps", "whole number"]),
        (["--prompt", "hello", "--seed", "-1"], ["--seed", "whole number"]),
        (["--prompt", "hello", "--device", "tpu"], ["--device", "cuda"]),
        (["hello"], ["hello", "--prompt"]),
        (["--json"], ["terminal", "--prompt"]),
        (["bench", "--steps", "0"], ["--steps"]),
        (["bench", "--repeat", "0"], ["--repeat"]),
        (["--prompt", "hello", "bench"], ["bench"]),
        (["--prompt", "@cat.png"], ["@cat.png", "images"]),
        (["--prompt", "what is on @photos/Cat.JPEG?"], ["Cat.JPEG", "images"]),
        (["--prompt", "a\x1b]0;title\x07 @b.png"], ["images"]),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    run_here: RunHere, arguments: list[str], words: list[str]
) -> None:
    code, out, err = run_here(*arguments)
    assert (code, out) == (USAGE, "")
    assert_one_line(err, *words)


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("text", ["me@example.org", "@alice hello", "see cat.png", "@ .png"])
def test_an_at_sign_alone_is_no_image(run_here: RunHere, text: str) -> None:
    assert run_here("--prompt", text)[0] == OK


@pytest.mark.usefixtures("scripted")
def test_a_hostile_flag_is_shown_and_not_obeyed(run_here: RunHere) -> None:
    code, out, err = run_here("--\x1b[31mred")
    assert (code, out) == (USAGE, "")
    assert_one_line(err)


@pytest.mark.usefixtures("scripted")
@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("text", ["steps = " + "9" * 5000, "steps = " + "[" * 5000])
def test_a_file_of_settings_that_cannot_be_parsed_is_named(
    run_here: RunHere, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text(text, encoding="utf-8")
    code, out, err = run_here("--prompt", "hello")
    assert (code, out) == (USAGE, "")
    assert_one_line(err, "config.toml")


@pytest.mark.usefixtures("scripted")
def test_a_system_text_that_is_not_utf_8_is_refused(run_here: RunHere) -> None:
    code, out, err = run_here("--prompt", "hello", "--system", "caf\udce9")
    assert (code, out) == (USAGE, "")
    assert_one_line(err, "UTF-8", "system")


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(("stdin", "word"), [(b"\xff\xfe\x00", "UTF-8"), (b"x" * (16 * 2**20 + 1), "16 MiB")])
def test_input_that_is_no_prompt_is_refused(run_here: RunHere, stdin: bytes, word: str) -> None:
    code, out, err = run_here(stdin=stdin)
    assert (code, out) == (USAGE, "")
    assert_one_line(err, word)


@pytest.mark.usefixtures("scripted")
def test_a_prompt_that_is_not_utf_8_is_refused(run_here: RunHere) -> None:
    code, out, err = run_here("--prompt", "caf\udce9")
    assert (code, out) == (USAGE, "")
    assert_one_line(err, "UTF-8")


def test_thinking_without_a_thought_channel_is_refused(
    run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ScriptedEngine()
    monkeypatch.setattr(engine, "info", lambda: replace(ScriptedEngine().info(), can_think=False))
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: engine)
    code, out, err = run_here("--prompt", "hello", "--think")
    assert (code, out) == (USAGE, "")
    assert_one_line(err, "thought channel", "--think")
    assert not engine.requests


@pytest.mark.usefixtures("scripted")
def test_an_unknown_setting_of_the_file_is_named(run_here: RunHere, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text("step = 4\n", encoding="utf-8")
    code, out, err = run_here("--prompt", "hello")
    assert (code, out) == (USAGE, "")
    assert_one_line(err, "config.toml", "steps")


def test_a_folder_that_is_not_there_is_exit_code_3(run_here: RunHere) -> None:
    code, out, err = run_here("--prompt", "hello", "--model", "/no/such/folder")
    assert (code, out) == (CHECKPOINT, "")
    assert_one_line(err, "/no/such/folder")


def test_a_hub_id_that_is_not_in_the_cache_says_how_to_get_it(run_here: RunHere) -> None:
    code, out, err = run_here("--prompt", "hello", "--model", "nobody/nothing")
    assert (code, out) == (FAILED, "")
    assert_one_line(err, "nobody/nothing", "dgchat models pull nobody/nothing", "--yes")


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({}, "config.json"),
        ({"config.json": "{"}, "config.json"),
        ({"config.json": "[]"}, "config.json"),
        ({"config.json": json.dumps({"model_type": "llama"})}, "llama"),
        ({"config.json": json.dumps({"model_type": "diffusion_gemma"})}, "text_config"),
        ({"config.json": json.dumps({"model_type": "\x1b[31m"})}, "model_type"),
    ],
)
def test_a_broken_folder_is_exit_code_3_and_names_the_file(
    run_here: RunHere, tmp_path: Path, files: dict[str, str], word: str
) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    code, out, err = run_here("--prompt", "hello", "--model", str(folder))
    assert (code, out) == (CHECKPOINT, "")
    assert_one_line(err, word)


def test_a_folder_that_is_not_there_is_one_line_of_a_process_too() -> None:
    done = run_dgchat("--prompt", "hello", "--model", "/no/such/folder")
    assert (done.returncode, done.stdout) == (CHECKPOINT, b"")
    assert_one_line(done.stderr.decode(), "/no/such/folder")


@pytest.mark.usefixtures("needs_bundled_model")
def test_a_prompt_longer_than_the_context_is_refused_before_it_is_computed() -> None:
    done = run_dgchat("--prompt", "-", stdin=b"a long story " * 50_000)
    assert (done.returncode, done.stdout) == (FAILED, b"")
    assert_one_line(done.stderr.decode(), "tokens")


@pytest.mark.usefixtures("needs_bundled_model")
def test_the_bundled_model_answers() -> None:
    done = run_dgchat("--prompt", "hello", "--seed", "1", "--steps", "4", "--max-tokens", "8", "--json")
    assert done.returncode == OK
    assert json.loads(done.stdout)["text"].strip()
