"""Which format a configuration names, and the one line for a format that is not ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dgchat.checkpoint import find_checkpoint, open_checkpoint
from dgchat.checkpoint.formats.quantisation import read_quantisation
from dgchat.errors import CheckpointError
from dgchat.hub.formats import format_of
from dgchat.hub.quantisation import MODELOPT_FILE, NVFP4_BLOCK, Quantisation
from dgchat_kernels import NVFP4_BLOCK as KERNELS_BLOCK
from packed_tiny import quantisation_json
from tiny import config_json, write_checkpoint, write_json

NVFP4 = {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}
FP8 = {"num_bits": 8, "type": "float", "strategy": "channel"}


def compressed(*weights: dict[str, Any], name: str = "pack-quantized") -> dict[str, Any]:
    groups = {f"group_{index}": {"weights": one} for index, one in enumerate(weights)}
    return {"quant_method": "compressed-tensors", "format": name, "config_groups": groups}


def read(folder: Path, section: object, modelopt: object = None) -> Quantisation:
    if modelopt is not None:
        write_json(folder / MODELOPT_FILE, {"producer": {"name": "modelopt"}, "quantization": modelopt})
    return read_quantisation(folder, {} if section is None else {"quantization_config": section})


@pytest.mark.parametrize(
    ("section", "modelopt", "found"),
    [
        (None, None, Quantisation()),
        (quantisation_json("modelopt"), None, Quantisation("nvfp4", "modelopt")),
        (None, {"quant_algo": "NVFP4", "group_size": 16}, Quantisation("nvfp4", "modelopt")),
        (
            quantisation_json("modelopt"),
            {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"},
            Quantisation("nvfp4", "modelopt"),
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "FP8_PER_CHANNEL_PER_TOKEN"},
            None,
            Quantisation("fp8", "modelopt"),
        ),
        (
            quantisation_json("compressed-tensors"),
            None,
            Quantisation("nvfp4", "compressed-tensors"),
        ),
        ({"quant_method": "modelopt"}, {"quant_algo": "NVFP4"}, Quantisation("nvfp4", "modelopt")),
        (quantisation_json("fp8"), None, Quantisation("fp8", "compressed-tensors")),
        (compressed(FP8, FP8), None, Quantisation("fp8", "compressed-tensors")),
    ],
    ids=[
        "none",
        "config.json",
        "own file",
        "both",
        "modelopt fp8",
        "nvfp4",
        "split",
        "fp8",
        "two groups",
    ],
)
def test_the_configuration_tells_the_format(tmp_path: Path, section: Any, modelopt: Any, found: Quantisation):
    assert read(tmp_path, section, modelopt) == found
    listed = {"model_type": "diffusion_gemma"} | ({} if section is None else {"quantization_config": section})
    write_json(tmp_path / "config.json", listed)
    assert format_of(tmp_path) == {"none": "bf16"}.get(found.scheme, found.scheme)


def test_a_block_has_as_many_weights_as_the_kernels_think():
    assert NVFP4_BLOCK == KERNELS_BLOCK


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ({"quant_method": "awq", "bits": 4}, "AWQ"),
        ({"quant_method": "gptq", "bits": 4}, "GPTQ"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"group_size": 64, "bits": 4}, "MLX"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "FP8 with a scale per block"),
        ({"quant_method": "gguf"}, "GGUF"),
        ({"quant_method": "surprise"}, "surprise"),
        ({}, "None"),
        ({"quant_method": ["awq"]}, "['awq']"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "ModelOpt's FP8"),
        ({"quant_method": "modelopt", "quant_algo": "W4A16_AWQ"}, "ModelOpt's W4A16_AWQ"),
        ({"quant_method": "modelopt"}, "ModelOpt's None"),
        (
            compressed({"num_bits": 4, "type": "int", "strategy": "group"}),
            "compressed-tensors' pack-quantized",
        ),
        (
            compressed({"num_bits": 8, "type": "float", "strategy": "tensor"}, name="naive"),
            "compressed-tensors' naive",
        ),
        (compressed({"num_bits": [8], "type": {}, "strategy": None}), "compressed-tensors'"),
        (compressed(NVFP4, FP8, name="mixed"), "compressed-tensors' mixed"),
        (compressed(), "compressed-tensors'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_format_that_is_not_ours_is_one_line_that_names_it_and_one_that_is(
    tmp_path: Path, section: Any, name: str
):
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path, section)
    assert re.fullmatch(
        rf"config\.json: {re.escape(name)}.* not a format that dgchat reads", caught.value.message
    )
    assert caught.value.hint is not None
    assert "nvidia/diffusiongemma-26B-A4B-it-NVFP4" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_an_mlx_folder_is_known_by_its_own_key(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"config\.json: MLX is not a format"):
        read_quantisation(tmp_path, {"quantization": {"group_size": 64, "bits": 4}})


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("nvfp4", "quantization_config is 'nvfp4', not an object"),
        ([], "quantization_config is [], not an object"),
        (quantisation_json("modelopt") | {"group_size": 32}, "group_size is 32; NVFP4 has 16"),
        (compressed(NVFP4 | {"group_size": 32}), "group_size is 32; NVFP4 has 16"),
        (
            quantisation_json("modelopt") | {"config_groups": {"group_0": {"weights": {"group_size": 8}}}},
            "group_size is 8",
        ),
        ({"quant_method": "compressed-tensors", "config_groups": [1]}, "config_groups"),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": None}}}, "config_groups"),
    ],
    ids=["text", "list", "blocks", "their blocks", "group", "no groups", "no weights"],
)
def test_a_configuration_that_makes_no_sense_says_where(tmp_path: Path, section: Any, words: str):
    with pytest.raises(CheckpointError, match=re.escape(words)):
        read(tmp_path, section)


@pytest.mark.parametrize("modelopt", [5, [], "NVFP4"])
def test_a_modelopt_file_that_makes_no_sense_is_named(tmp_path: Path, modelopt: object):
    with pytest.raises(
        CheckpointError, match=rf"{re.escape(MODELOPT_FILE)}: quantization is .*not an object"
    ):
        read(tmp_path, None, modelopt)


def test_two_files_that_name_different_formats_are_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="name different formats"):
        read(tmp_path, quantisation_json("fp8"), {"quant_algo": "NVFP4"})


def test_a_gguf_file_and_a_folder_of_one_are_refused_by_name(tmp_path: Path):
    (tmp_path / "model-Q4_K_M.gguf").touch()
    for open_it in (
        lambda: find_checkpoint(tmp_path / "model-Q4_K_M.gguf"),
        lambda: open_checkpoint(tmp_path),
    ):
        with pytest.raises(CheckpointError, match=r"model-Q4_K_M\.gguf: GGUF is not a format") as caught:
            open_it()
        assert "NVFP4" in str(caught.value.hint)


def test_a_foreign_format_is_refused_before_the_weights_are_looked_at(tmp_path: Path):
    write_checkpoint(tmp_path)
    write_json(tmp_path / "config.json", config_json() | {"quantization_config": {"quant_method": "awq"}})
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="AWQ is not a format"):
        open_checkpoint(tmp_path)
