"""The doctor's report says what a chat would find."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import torch

from dgchat.doctor.report import run_doctor
from dgchat.errors import CheckpointError, InsufficientMemoryError
from dgchat.settings import ChosenSettings, Settings
from packed_tiny import DIALECTS, Dialect, write_dialect
from tiny import write_checkpoint


def report(settings: Settings) -> tuple[int, str]:
    out = StringIO()
    return run_doctor(ChosenSettings(settings, ChosenSettings.defaults().origins), out), out.getvalue()


def test_a_whole_checkpoint_is_no_problem(tmp_path: Path) -> None:
    code, shown = report(Settings(model=str(write_checkpoint(tmp_path / "tiny")), device="cpu"))
    assert code == 0
    assert "problem" not in shown


@pytest.mark.parametrize("dialect", DIALECTS)
def test_of_a_quantised_model_both_of_its_data_types_are_told(tmp_path: Path, dialect: Dialect) -> None:
    code, shown = report(Settings(model=str(write_dialect(tmp_path / "packed", dialect)), device="cpu"))
    assert code == 0
    assert f"stored as float32 and {'fp8' if dialect == 'fp8' else 'nvfp4'}\n" in shown


def test_of_a_plain_model_its_one_data_type_is_told(tmp_path: Path) -> None:
    assert "stored as float32\n" in report(Settings(model=str(write_checkpoint(tmp_path)), device="cpu"))[1]


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "chat_template.jinja", "config.json", "model.safetensors"]
)
@pytest.mark.parametrize("is_there", [True, False], ids=["broken", "missing"])
def test_a_file_that_a_chat_needs_is_a_problem(tmp_path: Path, name: str, is_there: bool) -> None:
    path = write_checkpoint(tmp_path / "tiny") / name
    path.unlink()
    if is_there:
        path.write_text("{% if %}", encoding="utf-8")
    code, shown = report(Settings(model=str(tmp_path / "tiny"), device="cpu"))
    assert code == CheckpointError.exit_code
    (problem,) = [line for line in shown.splitlines() if line.startswith("problem")]
    assert name in problem


def test_as_many_cores_are_named_as_the_engine_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    torch.set_num_threads(2)
    try:
        shown = report(Settings(device="cpu"))[1]
    finally:
        torch.set_num_threads(threads)
    assert "1 of 2 cores" in shown


def test_the_memory_plan_is_told_with_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgchat.engine.device.free_memory", lambda device: 8_000_000_000)
    code, shown = report(Settings(model=str(write_checkpoint(tmp_path / "tiny")), device="cpu", context=512))
    (memory,) = [line for line in shown.splitlines() if line.startswith("memory")]
    assert code == 0
    assert "for a context of 512 tokens: weights" in memory
    assert memory.endswith("; 8.0 GB free")


def test_where_nothing_tells_what_is_free_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgchat.engine.device.free_memory", lambda device: None)
    code, shown = report(Settings(model=str(write_checkpoint(tmp_path / "tiny")), device="cpu"))
    assert code == 0
    assert "how much is free is not known here" in shown


def test_a_model_that_does_not_fit_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgchat.engine.device.free_memory", lambda device: 1000)
    code, shown = report(Settings(model=str(write_checkpoint(tmp_path / "tiny")), device="cpu"))
    (problem,) = [line for line in shown.splitlines() if line.startswith("problem")]
    assert code == InsufficientMemoryError.exit_code
    assert "1.0 kB are free" in problem
