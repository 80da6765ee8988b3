"""How weights are stored is read from the configuration, in every dialect that is in circulation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dgchat.hub.formats import OURS, format_of
from dgchat.paths import bundled_model


def compressed(name: str, num_bits: int, strategy: str) -> dict[str, Any]:
    weights = {"num_bits": num_bits, "type": "float", "strategy": strategy}
    groups = {"group_0": {"weights": weights}}
    section = {"quant_method": "compressed-tensors", "format": name, "config_groups": groups}
    return {"quantization_config": section}


def written(folder: Path, **files: Any) -> Path:
    """Write JSON files, named without their suffix, and return their folder."""
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "bf16"),
        ({"dtype": "bfloat16"}, "bf16"),
        ({"torch_dtype": "float32"}, "fp32"),
        ({"text_config": {"dtype": "float16"}}, "fp16"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "nvfp4"),
        (compressed("nvfp4-pack-quantized", 4, "tensor_group"), "nvfp4"),
        (compressed("float-quantized", 8, "channel"), "fp8"),
        (compressed("float-quantized", 8, "block"), "compressed-tensors' float-quantized"),
        (compressed("pack-quantized", 4, "group"), "compressed-tensors' pack-quantized"),
        ({"quantization_config": {"quant_method": "awq"}}, "AWQ"),
        ({"quantization_config": {"quant_method": "fp8"}}, "FP8 with a scale per block or tensor"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}, "ModelOpt's FP8"),
        (
            {"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8_PER_CHANNEL_PER_TOKEN"}},
            "fp8",
        ),
        ({"quantization_config": []}, "an unclear format"),
    ],
    ids=str,
)
def test_the_configuration_tells_the_format(tmp_path: Path, fields: dict[str, Any], expected: str):
    config = {"model_type": "diffusion_gemma"} | fields
    assert format_of(written(tmp_path, config=config)) == expected


@pytest.mark.parametrize("section", [{}, {"quantization_config": {"quant_method": "modelopt"}}], ids=str)
def test_modelopt_may_say_it_in_a_file_of_its_own(tmp_path: Path, section: dict[str, Any]):
    config = {"model_type": "diffusion_gemma"} | section
    files = {"config": config, "hf_quant_config": {"quantization": {"quant_algo": "NVFP4"}}}
    assert format_of(written(tmp_path, **files)) == "nvfp4"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_type": "llama"}', '{"model_type": 3}', "[" * 9999])
def test_what_is_no_diffusion_gemma_has_no_format(tmp_path: Path, text: str):
    (tmp_path / "config.json").write_text(text)
    assert format_of(tmp_path) is None


def test_a_folder_without_a_configuration_has_no_format(tmp_path: Path):
    assert format_of(tmp_path) is None


def test_the_bundled_model_is_in_a_format_of_ours():
    assert format_of(bundled_model()) in OURS
