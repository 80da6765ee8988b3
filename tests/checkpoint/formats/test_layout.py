"""What a quantised checkpoint must hold: everything else is refused with the tensor's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dgchat.checkpoint import open_checkpoint
from dgchat.checkpoint.formats.layout import layout_of, packed_modules
from dgchat.errors import CheckpointError
from dgchat.hub.quantisation import Quantisation
from dgchat.model.config import ModelConfig
from packed_tiny import DIALECTS, Dialect, plain_tensors, quantisation_json, quantise, write_packed
from tiny import config_json, model_config

PUBLISHED = {
    "vocab_size": 262_144,
    "hidden_size": 2816,
    "intermediate_size": 2112,
    "num_hidden_layers": 30,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "num_global_key_value_heads": 2,
    "head_dim": 256,
    "global_head_dim": 512,
    "layer_types": [f"{'full' if layer % 6 == 5 else 'sliding'}_attention" for layer in range(30)],
    "num_experts": 128,
    "top_k_experts": 8,
    "moe_intermediate_size": 704,
}
"""The sizes of the real checkpoint."""

EXPERT = "model.decoder.layers.1.experts.2.up_proj"
QUERY = "model.decoder.layers.0.self_attn.q_proj"

Weights = dict[str, Tensor]


def refuse(folder: Path, dialect: Dialect, weights: Weights, *words: str) -> None:
    write_packed(folder, weights, quantisation_json(dialect))
    with pytest.raises(CheckpointError, match=".*".join(map(re.escape, words))):
        open_checkpoint(folder)


def tiny_packed(dialect: Dialect) -> Weights:
    return quantise(dialect, plain_tensors())[0]


def test_the_published_nvfp4_checkpoint_has_three_tensors_per_projection_of_each_expert():
    config = ModelConfig.from_json(config_json(**PUBLISHED))
    plain = layout_of(config, Quantisation(), {})
    layout = layout_of(config, Quantisation("nvfp4", "modelopt"), {})
    experts = [name for name in layout if ".experts." in name]
    assert len(experts) == 30 * 128 * 3 * 3
    assert layout.keys() - experts == {name for name in plain if ".experts." not in name}
    gate = "model.decoder.layers.29.experts.127.gate_proj"
    assert layout[f"{gate}.weight"].shapes == ((704, 1408),)
    assert layout[f"{gate}.weight_scale"].shapes == ((704, 176),)
    assert layout[f"{gate.replace('gate', 'down')}.weight"].shapes == ((2816, 352),)
    assert layout[f"{gate.replace('gate', 'down')}.weight_scale"].shapes == ((2816, 44),)
    assert packed_modules(layout) == {f"layers.{layer}.experts" for layer in range(30)}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_checkpoint_opens_and_says_what_it_is(tmp_path: Path, dialect: Dialect):
    checkpoint = open_checkpoint(write_packed(tmp_path, tiny_packed(dialect), quantisation_json(dialect)))
    assert checkpoint.quantisation == ("fp8" if dialect == "fp8" else "nvfp4")
    assert checkpoint.dtype == torch.float32
    assert checkpoint.headers.keys() == checkpoint.layout.keys()
    assert not [name for name in checkpoint.headers if "input" in name.rpartition(".")[2]]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_tensor_of_an_expert_is_missed_by_name(tmp_path: Path, dialect: Dialect):
    whole = tiny_packed(dialect)
    names = [name for name in whole if name.startswith(f"{EXPERT}.") and "input" not in name]
    assert len(names) == (2 if dialect == "fp8" else 3)
    for name in names:
        left = {other: value for other, value in whole.items() if other != name}
        refuse(tmp_path, dialect, left, f"tensor '{name}' is missing")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_scale_without_its_codes_and_codes_without_their_scale_are_named(tmp_path: Path, dialect: Dialect):
    whole = tiny_packed(dialect)
    codes = f"{QUERY}.weight_packed" if dialect == "compressed-tensors" else f"{QUERY}.weight"
    left = {name: value for name, value in whole.items() if name != f"{QUERY}.weight_scale"}
    refuse(tmp_path, dialect, left, f"{QUERY}.weight_scale' is missing")
    left = {name: value for name, value in whole.items() if name != codes}
    refuse(tmp_path, dialect, left, QUERY)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.flatten()[:-1] if value.dim() else value.expand(2),
        lambda value: value[None],
        lambda value: torch.cat((value, value)) if value.dim() else value.expand(2, 1),
    ],
    ids=["flat", "deeper", "longer"],
)
def test_a_misshapen_tensor_of_an_expert_is_named(
    tmp_path: Path, dialect: Dialect, change: Callable[[Tensor], Tensor]
):
    whole = tiny_packed(dialect)
    for name in [name for name in whole if name.startswith(f"{EXPERT}.") and "input" not in name]:
        if change(whole[name]).shape in ((), (1,)):  # both shapes of a scalar are read
            continue
        refuse(tmp_path, dialect, whole | {name: change(whole[name])}, f"tensor '{name}' has shape")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_mistyped_tensor_of_an_expert_is_named_with_its_type(tmp_path: Path, dialect: Dialect):
    whole = tiny_packed(dialect)
    for name in [name for name in whole if name.startswith(f"{EXPERT}.") and "input" not in name]:
        changed = whole | {name: whole[name].to(torch.float16)}
        refuse(tmp_path, dialect, changed, f"tensor '{name}' is F16; ")


@pytest.mark.parametrize(
    "stray",
    [
        "model.decoder.layers.1.experts.4.up_proj.weight",
        "model.decoder.layers.1.experts.2.up_proj.weight_zero_point",
        "model.decoder.layers.1.experts.gate_up_proj",
        "model.decoder.layers.1.experts.4.up_proj.input_scale",
        "model.decoder.surprise.input_scale",
        "model.decoder.layers.0.router.proj.weight_scale",
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tensor_that_does_not_belong_is_named(tmp_path: Path, dialect: Dialect, stray: str):
    refuse(tmp_path, dialect, tiny_packed(dialect) | {stray: torch.zeros(1)}, f"'{stray}' is not part")


def test_scales_of_activations_and_of_the_cache_are_left_unread(tmp_path: Path):
    unused = ("input_scale", "output_scale", "input_global_scale")
    extra = [f"{EXPERT}.{name}" for name in unused] + ["model.decoder.layers.0.self_attn.k_scale"]
    weights = tiny_packed("modelopt") | dict.fromkeys(extra, torch.tensor(float("nan")))
    weights = {name: value.clone() for name, value in weights.items()}
    checkpoint = open_checkpoint(write_packed(tmp_path, weights, quantisation_json("modelopt")))
    assert not checkpoint.headers.keys() & set(extra)
    assert checkpoint.load().model


@pytest.mark.parametrize("dialect", ["modelopt", "compressed-tensors"])
def test_rows_that_are_no_whole_blocks_are_refused(dialect: Dialect):
    with pytest.raises(
        CheckpointError, match=r"experts\.0\.down_proj has rows of 20 weights, .* blocks of 16"
    ):
        layout_of(model_config(), Quantisation("nvfp4", dialect), {})


def test_plain_weights_that_call_themselves_nvfp4_are_refused(tmp_path: Path):
    refuse(tmp_path, "modelopt", plain_tensors(), "experts.", "is not part of this architecture")


def test_packed_weights_that_call_themselves_plain_are_refused(tmp_path: Path):
    write_packed(tmp_path, tiny_packed("modelopt"), None)
    with pytest.raises(CheckpointError, match="is not part of this architecture"):
        open_checkpoint(tmp_path)
