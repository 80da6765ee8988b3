"""The comparison with the reference: both do the same number of denoising steps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from transformers.models.diffusion_gemma.modeling_diffusion_gemma import DiffusionGemmaDecoderModel

from dgchat import bench_against
from dgchat.bench_against import compare, run_against
from dgchat.checkpoint import open_checkpoint
from dgchat.model.transformer import DiffusionGemma
from dgchat.paths import bundled_model

STEPS = 3


def counting(counts: Counter[str], name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        counts[name] += 1
        return method(*arguments, **options)

    return counted


def test_both_take_every_step_of_every_run_and_of_the_warm_up(monkeypatch: pytest.MonkeyPatch):
    counts: Counter[str] = Counter()
    monkeypatch.setattr(DiffusionGemma, "decode", counting(counts, "ours", DiffusionGemma.decode))
    theirs = counting(counts, "theirs", DiffusionGemmaDecoderModel.forward)
    monkeypatch.setattr(DiffusionGemmaDecoderModel, "forward", theirs)
    ours, reference = compare(bundled_model(), open_checkpoint(bundled_model()).load(), STEPS, repeat=2)
    assert counts == {"ours": 3 * STEPS, "theirs": 3 * STEPS}
    assert min(ours, reference) > 0


def fixed(_folder: Path, _loaded: object, steps: int, _repeat: int) -> tuple[float, float]:
    return 3.0 * steps, 2.0 * steps


def test_the_comparison_is_told_to_people_and_to_programs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench_against, "compare", fixed)
    told, written = StringIO(), StringIO()
    assert run_against(None, None, 1, json=False, out=told) == 0
    assert told.getvalue() == "dgchat 144.0 steps/s, transformers 96.0 steps/s: 1.50 times as fast\n"
    assert run_against(None, 10, 1, json=True, out=written) == 0
    assert json.loads(written.getvalue()) == {
        "dgchat_steps_per_second": 30.0,
        "transformers_steps_per_second": 20.0,
        "ratio": 1.5,
    }
