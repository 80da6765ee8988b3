"""What the doctor tells of a GPU: faked where the driver and torch tell of it."""

from __future__ import annotations

import subprocess

import pytest

from dgchat.doctor import computing
from dgchat.doctor.computing import find_computing
from dgchat.doctor.fact import Fact
from dgchat.settings import ChosenSettings


def test_gpus_are_told_with_memory_and_driver_and_a_broken_line_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = "A GPU, 580.10, 81559\nanother, 580.10, [N/A]\n"

    def answer(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, told, "")

    monkeypatch.setattr(computing.subprocess, "run", answer)
    fact = next(find_computing(ChosenSettings.defaults()))
    assert isinstance(fact, Fact)
    assert fact == Fact(
        "gpus",
        "A GPU, 85.5 GB, driver 580.10",
        [{"name": "A GPU", "driver": "580.10", "memory_bytes": 81559 * 2**20}],
    )
