"""`dgchat bench --shape, --prefix, --against autoregressive`: on the CPU, with the bundled shape."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dgchat.cli import run
from dgchat.engine.kv_cache import KVCache
from dgchat.errors import DgchatError
from dgchat.model.transformer import DiffusionGemma
from dgchat.shaped_bench import run as shaped_run
from dgchat.shaped_bench import subject as subjects
from dgchat.shaped_bench.machine import MachineRates
from dgchat.shaped_bench.passes import Passes
from dgchat.shaped_bench.report import ShapedResult, as_fields, as_text
from dgchat.shaped_bench.run import ShapedBench, measure_shape, run_shaped_bench
from dgchat.shaped_bench.subject import random_subject
from dgchat.shaped_bench.work import Work
from dgchat_kernels import parity
from dgchat_kernels.ops import PLAIN

CPU = torch.device("cpu")
ASKED = ShapedBench("nano", None, 5, 2, 1, autoregressive=True)

Op = Callable[..., Any]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose rates need no measuring."""
    monkeypatch.setattr(shaped_run, "measure_machine", lambda device, dtype: MachineRates(1e10, 1e11))


def off_by(share: float, op: Op) -> Op:
    def wrong(*arguments: Any) -> Any:
        result = op(*arguments)
        if isinstance(result, Tensor):
            return result * (1 + share)
        return tuple(part * (1 + share) if part.is_floating_point() else part for part in result)

    return wrong


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_references_are_right(dtype: torch.dtype) -> None:
    assert parity.faults(PLAIN, CPU, dtype) == []


@pytest.mark.parametrize("name", parity.CHECKED)
def test_an_op_that_is_a_percent_off_is_found_and_named(name: str) -> None:
    wrong = replace(PLAIN, **{name: off_by(0.01, getattr(PLAIN, name))})
    (fault,) = parity.faults(wrong, CPU, torch.float32)
    assert fault.startswith(f"{name} is ")
    assert fault.endswith("% off, 0.01% are allowed")


def test_an_op_that_gives_nan_is_off() -> None:
    nowhere = replace(PLAIN, softcap=lambda logits, cap: logits * torch.nan)
    assert parity.faults(nowhere, CPU, torch.float32) == ["softcap is nan% off, 0.01% are allowed"]


@pytest.mark.usefixtures("machine")
def test_there_are_no_figures_of_ops_that_are_off() -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing is to be timed")

    subject = random_subject("nano", None, "cpu", 100)
    subject.model.ops = replace(PLAIN, experts=off_by(0.01, PLAIN.experts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shaped_run, "time_passes", never)
        with pytest.raises(DgchatError, match="no figures, for what is fast here is wrong: experts is "):
            measure_shape(ASKED, subject)


def test_the_command_refuses_and_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shaped_run, "faults", lambda ops, device, dtype: ["route is 3.00% off"])
    assert run(["bench", "--shape", "nano", "--device", "cpu", "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no figures" in err
    assert "route is 3.00% off" in err


@pytest.mark.usefixtures("machine")
def test_every_step_is_one_pass_and_every_token_another(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[tuple[str, int]] = []
    for name in ("decode", "next_token_logits"):
        own = getattr(DiffusionGemma, name)

        def counted(model: Any, ids: Tensor, prefix: Any, *more: Any, name: str = name, own: Op = own) -> Any:
            passes.append((name, prefix.length))
            return own(model, ids, prefix, *more)

        monkeypatch.setattr(DiffusionGemma, name, counted)
    result = measure_shape(ASKED, random_subject("nano", None, "cpu", 1000))
    one_run = [("decode", 5)] * 3 + [
        ("next_token_logits", 5 + token) for token in range(result.canvas_length)
    ]
    assert passes == one_run * 2
    assert len(result.passes.steps) == 2
    assert len(result.passes.tokens) == result.canvas_length


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("weights", ["fp32", "bf16", "nvfp4"])
def test_random_weights_of_every_kind_are_measured(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["bench", "--shape", "nano", "--weights", weights, "--device", "cpu", "--steps", "1", "--json"]
    assert run([*asked, "--repeat", "1", "--prefix", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["weights"], found["prefix"]) == ("random nano", weights, 3)
    assert found["dtype"] == ("bfloat16" if weights == "bf16" else "float32")
    assert "against_autoregressive" not in found


@pytest.mark.usefixtures("machine")
def test_the_bundled_model_is_measured_behind_a_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--prefix", "40", "--device", "cpu", "--steps", "1", "--repeat", "1"]) == 0
    shown = capsys.readouterr().out
    assert "weights in fp32" in shown
    assert "behind 40, no early stop" in shown
    assert run(["bench", "--prefix", "99999999", "--device", "cpu"]) == 2


RESULT = ShapedResult(
    subject={"model": "m", "device": "cpu", "dtype": "float32", "weights": "fp32", "ops": "plain"},
    canvas_length=48,
    prefix=4096,
    steps=2,
    repeat=2,
    passes=Passes((0.010, 0.012, 0.010, 0.050), (0.004,), (0.002, 0.002, 0.009)),
    rates=MachineRates(1e10, 1e11),
    work=(Work("experts", 1e8, 4e7), Work("LM head", 4e8, 1e7)),
    peak_memory_bytes=None,
)


def test_the_floor_and_its_share_stand_beside_the_figures() -> None:
    found = as_fields(RESULT)
    assert found["ms_per_step"] == pytest.approx(11)
    assert found["ms_per_step_p95"] == pytest.approx(50)
    assert found["floor_by_component_ms"] == pytest.approx({"experts": 4, "LM head": 4})
    assert found["floor_ms"] == pytest.approx(8)
    assert found["share_of_floor"] == pytest.approx(8 / 11)
    assert found["gb_per_s"] == pytest.approx(0.05 / 0.011)
    assert found["share_of_copy"] == pytest.approx(0.5 / 1.1)
    assert found["tokens_per_second"]["12"] == pytest.approx(48 / 0.136)
    against = found["against_autoregressive"]
    assert against["autoregressive_tokens_per_second"] == pytest.approx(500)
    assert against["ratio"] == pytest.approx(48 / 0.026 / 500)


def test_a_person_reads_the_same() -> None:
    shown = as_text(RESULT)
    assert "8.00 ms/step is the floor: 73% of the time is needed" in shown
    assert "behind 4,096" in shown
    assert shown.endswith(
        "one token at a time 500.0 tokens/s, at 2 steps a canvas 1846.2: 3.69 times as fast\n"
    )


def test_what_does_not_fit_is_refused_before_a_weight_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "free_memory", lambda device: 13_000_000_000)
    monkeypatch.setattr(subjects, "_fill", None)
    asked = replace(ASKED, shape="26b")
    with pytest.raises(DgchatError, match=r"random 26b needs 10.*; 13\.0 GB are free"):
        run_shaped_bench(asked, lambda loading: pytest.fail("loads"), "cpu", json=True, out=io.StringIO())


def test_random_weights_give_finite_logits_that_differ() -> None:
    subject = random_subject("nano", "nvfp4", "cpu", 500)
    cache = KVCache(subject.model.config, CPU, torch.float32)
    ids = torch.arange(subject.model.config.canvas_length).unsqueeze(0)
    with torch.inference_mode():
        logits = subject.model.decode(ids, cache, None)
    assert logits.isfinite().all()
    assert logits.std() > 0.1


@pytest.mark.parametrize(
    "words",
    [
        ["--shape", "nano", "--model", "somewhere"],
        ["--weights", "bf16"],
        ["--shape", "nano", "--batch", "2"],
        ["--prefix", "5", "--batch", "2"],
        ["--against", "transformers", "--shape", "nano"],
        ["--prefix", "-1"],
        ["--shape", "27b"],
    ],
)
def test_wishes_that_do_not_go_together_are_wrong_usage(words: list[str]) -> None:
    assert run(["bench", *words]) == 2
