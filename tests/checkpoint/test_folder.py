"""Opening a checkpoint: what is wrong is named by file and tensor before a weight is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from dgchat.checkpoint import open_checkpoint
from dgchat.engine.engine import DiffusionEngine
from dgchat.errors import CheckpointError, TemplateError
from tiny import config_json, generation_json, tensors, write_checkpoint, write_json

NORM = "model.decoder.norm.weight"
EXPERTS = "model.decoder.layers.1.experts.down_proj"
ENCODER_SCALAR = "model.encoder.language_model.layers.0.layer_scalar"


def refuse(folder: Path, *words: str) -> None:
    with pytest.raises(CheckpointError, match=".*".join(map(re.escape, words))):
        open_checkpoint(folder)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_a_checkpoint_loads_every_tensor_from_one_file_or_several(
    tmp_path: Path, dtype: torch.dtype, shards: int
):
    weights = tensors(dtype)
    checkpoint = open_checkpoint(write_checkpoint(tmp_path / "tiny", weights, shards))
    assert checkpoint.dtype == dtype
    loaded = checkpoint.load()
    assert (loaded.name, loaded.dtype) == ("tiny", torch.float32)
    state = {tiny.tensor_name(name): value for name, value in loaded.model.state_dict().items()}
    assert state.keys() == weights.keys()
    assert all(torch.equal(state[name], weights[name].float()) for name in weights)


def test_encoder_and_decoder_keep_their_own_layer_scalars(tmp_path: Path):
    model = open_checkpoint(write_checkpoint(tmp_path)).load().model
    assert model.layers[0].layer_scalar.item() == pytest.approx(0.9)
    assert model.layers[0].encoder_layer_scalar.item() == pytest.approx(1.1)


def test_weights_are_kept_in_bf16_if_asked(tmp_path: Path):
    loaded = open_checkpoint(write_checkpoint(tmp_path)).load(dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.bfloat16}
    assert DiffusionEngine(loaded).info().dtype == "bfloat16"


@pytest.mark.parametrize("name", [NORM, EXPERTS, ENCODER_SCALAR])
def test_a_missing_tensor_is_named(tmp_path: Path, name: str):
    weights = tensors()
    del weights[name]
    refuse(write_checkpoint(tmp_path, weights), "model.safetensors: tensor", name, "missing")


def test_a_tensor_missing_from_every_shard_is_named_with_the_index(tmp_path: Path):
    weights = tensors()
    del weights[NORM]
    refuse(write_checkpoint(tmp_path, weights, shards=3), "model.safetensors.index.json: tensor", NORM)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", [NORM, EXPERTS, ENCODER_SCALAR])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_a_tensor_that_holds_no_number_is_named_with_its_file(
    tmp_path: Path, dtype: torch.dtype, name: str, value: float
):
    weights = tensors(dtype)
    weights[name].view(-1)[-1] = value
    checkpoint = open_checkpoint(write_checkpoint(tmp_path, weights, shards=2))
    with pytest.raises(CheckpointError, match=re.escape(f"{name!r} holds a NaN or an infinity")) as caught:
        checkpoint.load()
    assert str(caught.value).startswith(f"{checkpoint.headers[name].file}: tensor")


def test_a_weight_too_large_for_the_type_it_is_kept_as_is_named(tmp_path: Path):
    weights = tensors()
    weights[NORM][0] = torch.finfo(torch.float32).max
    checkpoint = open_checkpoint(write_checkpoint(tmp_path, weights))
    assert checkpoint.load().model
    with pytest.raises(CheckpointError, match=re.escape(NORM)):
        checkpoint.load(dtype=torch.bfloat16)


def test_an_unknown_tensor_is_named_with_its_file(tmp_path: Path):
    weights = tensors() | {"model.decoder.surprise": torch.zeros(1)}
    refuse(write_checkpoint(tmp_path, weights), "model.safetensors", "model.decoder.surprise", "not part")


def test_a_value_projection_in_a_full_layer_is_unknown(tmp_path: Path):
    weights = tensors() | {"model.decoder.layers.1.self_attn.v_proj.weight": torch.zeros(16, 32)}
    refuse(write_checkpoint(tmp_path, weights), "layers.1.self_attn.v_proj", "not part")


def test_a_misshapen_tensor_is_named_with_both_shapes(tmp_path: Path):
    weights = tensors() | {NORM: torch.zeros(31)}
    refuse(write_checkpoint(tmp_path, weights), "model.safetensors", NORM, "[31]", "[32]")


@pytest.mark.parametrize(("dtype", "kind"), [(torch.float16, "F16"), (torch.int8, "I8")])
def test_a_tensor_of_another_type_is_named_with_it(tmp_path: Path, dtype: torch.dtype, kind: str):
    weights = tensors() | {NORM: torch.zeros(32, dtype=dtype)}
    refuse(write_checkpoint(tmp_path, weights), "model.safetensors", NORM, kind)


def test_tensors_of_the_vision_tower_are_skipped(tmp_path: Path):
    weights = tensors() | {"model.encoder.vision_tower.patch.weight": torch.zeros(3)}
    assert open_checkpoint(write_checkpoint(tmp_path, weights)).load().model


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(tmp_path: Path, share: float):
    path = write_checkpoint(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refuse(tmp_path, "model.safetensors", "not a whole safetensors file")


def test_a_missing_shard_is_named(tmp_path: Path):
    write_checkpoint(tmp_path, shards=3)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    refuse(tmp_path, "model-00002-of-00003.safetensors", "missing")


def test_an_index_that_names_the_wrong_shard_is_refused(tmp_path: Path):
    write_checkpoint(tmp_path, shards=2)
    index = tmp_path / "model.safetensors.index.json"
    swapped = index.read_text().replace("-00001-", "-0000x-").replace("-00002-", "-00001-")
    index.write_text(swapped.replace("-0000x-", "-00002-"))
    refuse(tmp_path, "which the index puts there, is missing")


def test_a_tensor_in_two_shards_is_refused(tmp_path: Path):
    write_checkpoint(tmp_path, shards=2)
    weights = tensors()
    tiny.save_file(weights, tmp_path / "model-00002-of-00002.safetensors")
    refuse(tmp_path, "is in both", "00001-of-00002", "00002-of-00002")


def test_a_quantised_checkpoint_is_refused_by_name(tmp_path: Path):
    write_checkpoint(tmp_path)
    write_json(tmp_path / "config.json", config_json() | {"quantization_config": {"quant_method": "nvfp4"}})
    refuse(tmp_path, "config.json", "nvfp4")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, name: str):
    (write_checkpoint(tmp_path) / name).unlink()
    refuse(tmp_path, name)


@pytest.mark.parametrize("name", ["tokenizer.json", "chat_template.jinja"])
def test_a_missing_text_file_is_named_on_opening(tmp_path: Path, name: str):
    (write_checkpoint(tmp_path) / name).unlink()
    refuse(tmp_path, name, "missing")


def test_a_checkpoint_in_the_hubs_cache_is_named_by_its_repository(tmp_path: Path):
    snapshot = tmp_path / "models--google--tiny" / "snapshots" / "0123456789abcdef"
    assert open_checkpoint(write_checkpoint(snapshot)).load().name == "tiny"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    refuse(tmp_path / "nowhere", "there is no checkpoint folder", "nowhere")


def test_a_checkpoint_without_generation_config_has_the_defaults(tmp_path: Path):
    (write_checkpoint(tmp_path) / "generation_config.json").unlink()
    defaults = open_checkpoint(tmp_path).generation
    assert defaults.max_new_tokens == 256
    assert defaults.end_ids == {tiny.EOS, tiny.END_OF_TURN}


def test_a_tokenizer_larger_than_the_vocabulary_is_refused_with_both_sizes(tmp_path: Path):
    small = tiny.vocab_size() - 1
    weights = tensors()
    embedding = "model.decoder.embed_tokens.weight"
    weights[embedding] = weights[embedding][:small].contiguous()
    write_checkpoint(tmp_path, weights)
    write_json(tmp_path / "config.json", config_json(vocab_size=small))
    refuse(tmp_path, f"{small + 1} tokens", f"{small}")


def test_a_broken_tokenizer_and_a_broken_template_are_checkpoint_errors(tmp_path: Path):
    write_checkpoint(tmp_path, template="{% if %}")
    with pytest.raises(TemplateError, match=r"chat_template\.jinja"):
        open_checkpoint(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    refuse(tmp_path, "tokenizer.json")


def resaved(**overrides: Any) -> dict[str, Any]:
    """The same model in the dialect that transformers writes back."""
    config = config_json()
    text = config["text_config"]
    full = {
        "head_dim": text.pop("global_head_dim"),
        "num_key_value_heads": text.pop("num_global_key_value_heads"),
    }
    del text["final_logit_softcapping"]
    text["per_layer_config"] = {"1": full}
    text.update(overrides)
    return config


def test_both_dialects_of_config_json_describe_the_same_model(tmp_path: Path):
    original = open_checkpoint(write_checkpoint(tmp_path))
    write_json(tmp_path / "config.json", resaved())
    assert open_checkpoint(tmp_path).config == original.config


@pytest.mark.parametrize("nothing", [{}, None])
def test_no_override_leaves_every_layer_at_the_base_sizes(nothing: object):
    layers = tiny.ModelConfig.from_json(resaved(per_layer_config=nothing)).layers
    assert [(layer.head_dim, layer.num_kv_heads) for layer in layers] == [(8, 2), (8, 2)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "gemma3"}, ["model_type", "gemma3", "diffusion_gemma"]),
        ({"text_config": None}, ["config.json"]),
        ({"canvas_length": 0}, ["canvas_length", "0"]),
        ({"text_config": tiny.text_json() | {"hidden_size": "32"}}, ["hidden_size", "'32'"]),
        ({"text_config": tiny.text_json() | {"hidden_activation": "relu"}}, ["hidden_activation", "relu"]),
        (
            {"text_config": tiny.text_json() | {"layer_types": ["full_attention"]}},
            ["1 layer_types", "2 layers"],
        ),
        ({"text_config": tiny.text_json() | {"layer_types": ["a", "b"]}}, ["layer_types[0]", "'a'"]),
        ({"text_config": tiny.text_json() | {"num_key_value_heads": 3}}, ["3 key/value heads", "4"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_configuration_that_cannot_be_read_says_which_field(
    tmp_path: Path, change: dict[str, Any], words: list[str]
):
    write_checkpoint(tmp_path)
    write_json(tmp_path / "config.json", config_json() | change)
    refuse(tmp_path, *words)


@pytest.mark.parametrize("name", list(tiny.text_json()))
def test_a_configuration_without_a_field_says_so_or_does_without(tmp_path: Path, name: str):
    write_checkpoint(tmp_path, generation=generation_json())
    config = config_json()
    del config["text_config"][name]
    write_json(tmp_path / "config.json", config)
    optional = {"hidden_activation", "pad_token_id", "final_logit_softcapping"}
    if name in optional:
        assert open_checkpoint(tmp_path).load().model
    elif name != "num_global_key_value_heads":
        refuse(tmp_path, f"config.json: '{name}' is missing")


def test_a_kind_of_layer_without_rope_parameters_is_refused(tmp_path: Path):
    write_checkpoint(tmp_path)
    rope = {"sliding_attention": tiny.text_json()["rope_parameters"]["sliding_attention"]}
    write_json(tmp_path / "config.json", config_json(rope_parameters=rope))
    refuse(tmp_path, "config.json", "full_attention")
