"""A quantised checkpoint computes what its dequantised twin computes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgchat.checkpoint import open_checkpoint, raw, weights
from dgchat.engine.engine import DiffusionEngine
from dgchat.errors import CheckpointError
from dgchat.model.quantised import ExpertsNVFP4, LinearFP8, LinearNVFP4
from dgchat.model.transformer import DiffusionGemma
from packed_tiny import (
    DIALECTS,
    Dialect,
    logits_of,
    plain_tensors,
    quantisation_json,
    quantise,
    weights_of,
    write_packed,
)

COMPUTE = [torch.bfloat16, torch.float32, torch.float64]

NVFP4: tuple[Dialect, ...] = ("modelopt", "compressed-tensors")
GLOBAL = {"modelopt": "weight_scale_2", "compressed-tensors": "weight_global_scale"}
CODES = {"modelopt": "weight", "compressed-tensors": "weight_packed", "fp8": "weight"}

EXPERT = "model.decoder.layers.1.experts.2"
KEY = "model.decoder.layers.0.self_attn.k_proj"


def load(folder: Path, dialect: Dialect, weights: Mapping[str, Tensor]) -> DiffusionGemma:
    """The model of a checkpoint with these tensors."""
    return open_checkpoint(write_packed(folder, weights, quantisation_json(dialect))).load().model


def refuse(folder: Path, dialect: Dialect, weights: Mapping[str, Tensor], name: str) -> None:
    """See the loading of these tensors fail with file and tensor named."""
    words = rf"model-0000\d-of-00002\.safetensors: tensor {re.escape(repr(name))} holds a NaN or an infinity"
    with pytest.raises(CheckpointError, match=words):
        load(folder, dialect, weights)


@pytest.mark.parametrize("experts", [4, 12], ids=["all experts", "gathered experts"])
@pytest.mark.parametrize("dtype", COMPUTE, ids=str)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_quantised_checkpoint_gives_the_logits_of_its_dequantised_twin(
    tmp_path: Path, dialect: Dialect, dtype: torch.dtype, experts: int
):
    packed, twin = quantise(dialect, plain_tensors(num_experts=experts))
    if dtype == torch.bfloat16:
        twin = {name: value.to(dtype) for name, value in twin.items()}
    write_packed(tmp_path / "packed", packed, quantisation_json(dialect), num_experts=experts)
    write_packed(tmp_path / "twin", twin, None, num_experts=experts)
    ours = open_checkpoint(tmp_path / "packed").load(dtype=dtype).model
    theirs = open_checkpoint(tmp_path / "twin").load(dtype=dtype).model
    assert torch.equal(logits_of(ours, dtype), logits_of(theirs, dtype))


@pytest.mark.parametrize("dialect", NVFP4)
def test_every_code_and_every_scale_that_is_a_number_comes_through_a_file_exactly(
    tmp_path: Path, dialect: Dialect
):
    packed, _ = quantise(dialect, plain_tensors(intermediate_size=256), seed=3)
    module = "model.decoder.layers.0.mlp.gate_proj"
    all_codes = torch.tensor([low | (low + 1) << 4 for low in range(0, 16, 2)], dtype=torch.uint8)
    codes = all_codes.repeat(256, 2)
    numbers = torch.arange(256, dtype=torch.uint8)
    numbers[[0x7F, 0xFF]] = 0
    scales = torch.stack((numbers, numbers.flip(0)), dim=1).view(torch.float8_e4m3fn)
    packed |= {f"{module}.{CODES[dialect]}": codes, f"{module}.weight_scale": scales}
    stored = packed[f"{module}.{GLOBAL[dialect]}"]
    multiplier = stored if dialect == "modelopt" else 1 / stored
    write_packed(tmp_path, packed, quantisation_json(dialect), intermediate_size=256)
    gate = open_checkpoint(tmp_path).load().model.layers[0].mlp.gate_proj
    assert isinstance(gate, LinearNVFP4)
    assert torch.equal(gate.weight_as(torch.float32), weights_of(codes, scales, multiplier))


@pytest.mark.parametrize("byte", [0x7F, 0xFF])
@pytest.mark.parametrize("module", [f"{EXPERT}.down_proj", f"{EXPERT}.up_proj", KEY])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_code_or_scale_that_is_no_number_is_named(tmp_path: Path, dialect: Dialect, module: str, byte: int):
    packed, _ = quantise(dialect, plain_tensors())
    name = f"{module}.{'weight' if dialect == 'fp8' else 'weight_scale'}"
    packed[name].view(torch.uint8)[-1, -1] = byte
    refuse(tmp_path, dialect, packed, name)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38, 1e-45])
@pytest.mark.parametrize("module", [f"{EXPERT}.down_proj", KEY])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_global_scale_that_makes_weights_no_numbers_is_named(
    tmp_path: Path, dialect: Dialect, module: str, value: float
):
    packed, _ = quantise(dialect, plain_tensors())
    name = f"{module}.{GLOBAL.get(dialect, 'weight_scale')}"
    packed[name] = torch.full_like(packed[name], value, dtype=torch.float32)
    harmless = {"modelopt": 1e-45, "compressed-tensors": 3e38, "fp8": 1e-45}[dialect]
    if value == harmless:
        assert load(tmp_path, dialect, packed)
    else:
        refuse(tmp_path, dialect, packed, name)


def test_an_expert_that_was_never_calibrated_is_silent(tmp_path: Path):
    packed, _ = quantise("compressed-tensors", plain_tensors())
    packed[f"{EXPERT}.gate_proj.weight_global_scale"] = torch.zeros(1)
    experts = load(tmp_path, "compressed-tensors", packed).layers[1].experts
    assert isinstance(experts, ExpertsNVFP4)
    assert (experts.gate_global_scale == 0).tolist() == [False, False, True, False]


@pytest.mark.parametrize("dialect", NVFP4)
def test_gate_and_up_keep_their_own_global_scales(tmp_path: Path, dialect: Dialect):
    packed, _ = quantise(dialect, plain_tensors())
    experts = load(tmp_path, dialect, packed).layers[1].experts
    assert isinstance(experts, ExpertsNVFP4)
    for kind in ("gate", "up", "down"):
        stored = packed[f"{EXPERT}.{kind}_proj.{GLOBAL[dialect]}"].view(())
        kept = getattr(experts, f"{kind}_global_scale")[2]
        assert torch.equal(kept, stored if dialect == "modelopt" else 1 / stored)


@pytest.mark.parametrize("dtype", COMPUTE, ids=str)
def test_packed_weights_stay_packed_whatever_is_computed_in(tmp_path: Path, dtype: torch.dtype):
    packed, _ = quantise("modelopt", plain_tensors())
    write_packed(tmp_path, packed, quantisation_json("modelopt"))
    experts = open_checkpoint(tmp_path).load(dtype=dtype).model.layers[0].experts
    on_disk = sum(
        value.nbytes
        for name, value in packed.items()
        if "layers.0.experts." in name and not name.endswith("input_scale")
    )
    assert sum(value.nbytes for value in experts.state_dict().values()) == on_disk


def test_scales_per_channel_may_be_a_row_or_a_column_in_bf16_or_fp32(tmp_path: Path):
    packed, _ = quantise("fp8", plain_tensors())
    name = f"{KEY}.weight_scale"
    column = load(tmp_path, "fp8", packed).layers[0].self_attn.k_proj
    row = load(tmp_path, "fp8", packed | {name: packed[name].view(-1).float()}).layers[0].self_attn.k_proj
    assert isinstance(column, LinearFP8)
    assert isinstance(row, LinearFP8)
    assert torch.equal(column.weight_as(torch.float32), row.weight_as(torch.float32))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_engine_counts_packed_weights_and_says_how_they_are_kept(tmp_path: Path, dialect: Dialect):
    packed, twin = quantise(dialect, plain_tensors())
    write_packed(tmp_path / "packed", packed, quantisation_json(dialect))
    write_packed(tmp_path / "twin", twin, None)
    ours = DiffusionEngine(open_checkpoint(tmp_path / "packed").load()).info()
    theirs = DiffusionEngine(open_checkpoint(tmp_path / "twin").load()).info()
    assert ours.parameters == theirs.parameters
    assert ours.dtype == f"float32 + {'fp8' if dialect == 'fp8' else 'nvfp4'}"


@pytest.mark.gpu
@pytest.mark.parametrize("chunk", [1000, raw.CHUNK_BYTES], ids=["many chunks", "one chunk"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_arrives_on_a_gpu_is_what_arrives_in_main_memory(
    tmp_path: Path, dialect: Dialect, chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(weights, "CHUNK_BYTES", chunk)
    packed, _ = quantise(dialect, plain_tensors())
    checkpoint = open_checkpoint(write_packed(tmp_path, packed, quantisation_json(dialect)))
    here, there = checkpoint.load("cpu", torch.bfloat16).model, checkpoint.load("cuda", torch.bfloat16).model
    assert here.state_dict().keys() == there.state_dict().keys()
    for name, value in there.state_dict().items():
        assert value.is_cuda
        ours = here.state_dict()[name]
        assert torch.equal(value.cpu().view(-1).view(torch.uint8), ours.view(-1).view(torch.uint8))
    x = torch.randn(3, here.config.hidden_size, dtype=torch.bfloat16)
    one, other = here.layers[0].self_attn.k_proj(x), there.layers[0].self_attn.k_proj(x.cuda()).cpu()
    torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2)
