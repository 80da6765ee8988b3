"""The random checkpoints are many, varied, and stored in every way transformers stores them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgchat.model.config import ModelConfig
from parity.checkpoints import CASES, rewrite_as_global

SHAPES = (
    "layers",
    "hidden",
    "heads",
    "kv_heads",
    "global_kv_heads",
    "head_dim",
    "global_head_dim",
    "experts",
)
SIZES = ("top_k", "vocab", "window", "canvas", "prefix", "sharpness", "stability")


def test_at_least_twenty_checkpoints_eight_of_them_sharpened() -> None:
    assert len({case.name for case in CASES}) >= 20
    assert sum(case.is_sharpened for case in CASES) >= 8


@pytest.mark.parametrize("field", SHAPES + SIZES)
def test_shapes_vary(field: str) -> None:
    assert len({getattr(case, field) for case in CASES}) >= 3


def test_prompts_are_shorter_than_the_window_as_long_and_longer() -> None:
    assert {max(-1, min(1, case.prefix - (case.window - 1))) for case in CASES} == {-1, 0, 1}


def test_configurations_come_in_both_dialects(folder_of: Callable[[str], Path]) -> None:
    layers = [text_config(folder_of(case.name)).get("per_layer_config") for case in CASES]
    assert None in layers, "as published"
    assert {} in layers, "re-saved, with the same heads in every layer"
    assert any(layers), "re-saved"


def test_weights_come_in_one_file_and_in_shards(folder_of: Callable[[str], Path]) -> None:
    files = {len(list(folder_of(case.name).glob("*.safetensors"))) for case in CASES}
    assert 1 in files
    assert max(files) > 2


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.dialect == "per_layer_config"], ids=lambda case: case.name
)
def test_both_dialects_of_one_configuration_read_alike(case: Any, folder_of: Callable[[str], Path]) -> None:
    config = json.loads((folder_of(case.name) / "config.json").read_text())
    assert ModelConfig.from_json(rewrite_as_global(config, case)) == ModelConfig.from_json(config)


def text_config(folder: Path) -> dict[str, Any]:
    """The text model's section of config.json."""
    return json.loads((folder / "config.json").read_text())["text_config"]
