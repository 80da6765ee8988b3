"""Quantising by the command: what is told, what comes out of it, and that it is whole or not there."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgchat.api import load_engine
from dgchat.checkpoint import open_checkpoint
from dgchat.cli import run
from dgchat.errors import CheckpointError, NotDownloadedError, StoppedError, UsageError
from dgchat.model_commands.byte_bar import ByteBar
from dgchat.model_commands.quantize import run_quantize
from packed_tiny import plain_tensors, quantisation_json, quantise, write_packed


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A tiny checkpoint that can be quantised."""
    return write_packed(tmp_path / "plain", plain_tensors(), None)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_the_command_writes_is_opened_and_answers(
    tmp_path: Path, plain: Path, capsys: pytest.CaptureFixture[str]
):
    packed = tmp_path / "packed"
    assert run(["models", "quantize", str(plain), str(packed)]) == 0
    assert open_checkpoint(packed).quantisation == "nvfp4"
    assert load_engine(packed, "cpu").info().dtype == "float32 + nvfp4"
    capsys.readouterr()
    asked = ["--prompt", "hello", "--json", "--seed", "1", "--steps", "2", "--max-tokens", "8"]
    assert run(["--model", str(packed), "--device", "cpu", *asked]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["stats"]["denoising_steps"] > 0
    assert answer["model"] == "packed"


def test_folder_size_and_the_way_to_open_it_are_told(tmp_path: Path, plain: Path):
    packed, out, err = tmp_path / "packed", StringIO(), StringIO()
    assert run_quantize(plain, packed, out, err) == 0
    sizes = [path.stat().st_size for path in packed.iterdir()]
    assert out.getvalue() == f"{packed}\n"
    written, opening = err.getvalue().splitlines()
    assert written.startswith(f"written as NVFP4: {len(sizes)} files, {sum(sizes):,} bytes")
    assert opening == f"open it with: dgchat --model {packed}"


def test_each_refusal_is_one_line_with_its_documented_exit_code(
    tmp_path: Path, plain: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    packed = write_packed(
        tmp_path / "packed", quantise("modelopt", plain_tensors())[0], quantisation_json("modelopt")
    )
    free = str(tmp_path / "free")

    def refused(source: object, target: object) -> tuple[int, str]:
        code = run(["models", "quantize", str(source), str(target)])
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        return code, err

    assert refused(packed, free)[0] == CheckpointError.exit_code == 3
    assert refused(tmp_path / "nowhere", free)[0] == 3
    assert refused(plain, packed)[0] == UsageError.exit_code == 2
    assert refused(plain, tmp_path / "nowhere" / "packed")[0] == 2
    assert refused("someone/tiny", free)[0] == NotDownloadedError.exit_code == 1
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    code, words = refused(plain, free)
    assert (code, "0 bytes free" in words) == (1, True)
    assert names_in(tmp_path) == ["packed", "plain"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl+c", "TERM"])
def test_a_stop_ends_with_130_and_leaves_nothing_even_if_it_is_repeated(
    tmp_path: Path,
    plain: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
):
    cleared: list[Path] = []

    def stop_again_and_clear(path: Path, clear: Callable[..., None] = shutil.rmtree, **options: Any) -> None:
        cleared.append(path)
        signal.raise_signal(number)
        clear(path, **options)

    monkeypatch.setattr(ByteBar, "show", lambda bar, progress: signal.raise_signal(number))
    monkeypatch.setattr(shutil, "rmtree", stop_again_and_clear)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    packed = tmp_path / "packed"
    assert run(["models", "quantize", str(plain), str(packed)]) == StoppedError.exit_code == 130
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"stopped before {packed} was whole" in err
    assert len(cleared) == 1
    assert names_in(tmp_path) == ["plain"]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_terminal_sees_bytes_and_a_pipe_no_escape(
    tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal, pipe = StringIO(), StringIO()
    terminal.isatty = lambda: True
    run_quantize(plain, tmp_path / "one", StringIO(), terminal)
    run_quantize(plain, tmp_path / "two", StringIO(), pipe)
    assert "quantising" in terminal.getvalue()
    assert "kB" in terminal.getvalue()
    assert "\x1b" not in pipe.getvalue()
