"""How weights are stored is read from the configuration, in every dialect that is in circulation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dgchat.hub.formats import OURS, format_of
from dgchat.paths import bundled_model

GROUP = {"quant_method": "compressed-tensors"}


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
        ({"quantization_config": GROUP | {"format": "nvfp4-pack-quantized"}}, "nvfp4"),
        ({"quantization_config": GROUP | {"format": "float-quantized"}}, "fp8"),
        ({"quantization_config": GROUP | {"format": "pack-quantized"}}, "compressed-tensors"),
        ({"quantization_config": {"quant_method": "awq"}}, "awq"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "W4A8_AWQ"}}, "w4a8_awq"),
    ],
    ids=str,
)
def test_the_configuration_tells_the_format(tmp_path: Path, fields: dict[str, Any], expected: str):
    config = {"model_type": "diffusion_gemma"} | fields
    assert format_of(written(tmp_path, config=config)) == expected


def test_modelopt_may_say_it_in_a_file_of_its_own(tmp_path: Path):
    config = {"model_type": "diffusion_gemma", "quantization_config": {"quant_method": "modelopt"}}
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
