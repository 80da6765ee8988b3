"""The small edition, end to end by its documented commands: train, export, evaluate. Takes minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dgchat.training.shape import Edition

COMMAND = ("train", "--edition", Edition.SMALL, "--steps", "400", "--processes", "1", "--precision", "fp32")

RECORDED_LOSSES = {
    50: 6.94,
    100: 5.10,
    150: 4.53,
    200: 4.34,
    250: 4.12,
    300: 4.01,
    350: 3.96,
    400: 3.95,
}
"""Mean denoising loss, nats per token, of the fifty steps that end at each step."""

TOLERANCE_NATS = 0.1
"""The examples and their noise are the same everywhere, rounding is not."""


def training(*arguments: str) -> str:
    """Run the trainer's command line as a person would."""
    command = [sys.executable, "-m", "dgchat.training", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=1500).stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_small_edition_trains_end_to_end_and_its_loss_falls_as_recorded(tmp_path: Path):
    run, folder = tmp_path / "run", tmp_path / "exported"
    training(*COMMAND, str(run))
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = {row["step"]: row["loss"] for row in rows}
    assert losses == {step: pytest.approx(loss, abs=TOLERANCE_NATS) for step, loss in RECORDED_LOSSES.items()}
    training("export", str(run), str(folder))
    table = training("evaluate", "--model", str(folder), "--limit", "2")
    assert "All families:" in table
