"""How a checkpoint's weights are stored, as far as its JSON files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dgchat.errors import CheckpointError
from dgchat.hub.quantisation import MODELOPT_FILE, ForeignFormatError, quantisation_of

MODEL_TYPE = "diffusion_gemma"

OURS = frozenset({"bf16", "fp32", "nvfp4", "fp8"})
"""Formats that dgchat reads."""

_MAX_CONFIG_BYTES = 2**20
_PLAIN = {"bfloat16": "bf16", "float32": "fp32", "float16": "fp16"}


def format_of(folder: Path) -> str | None:
    """One of `OURS` if that is what opening the folder would find, or the name of whatever else its
    configuration says; None if this is no DiffusionGemma.
    """
    config = _read(folder / "config.json")
    if config.get("model_type") != MODEL_TYPE:
        return None
    try:
        scheme = quantisation_of(config, _read_own(folder)).scheme
    except ForeignFormatError as error:
        return error.name
    except CheckpointError:
        return "an unclear format"
    return _plain(config) if scheme == "none" else scheme


def _read_own(folder: Path) -> dict[str, Any] | None:
    return _read(folder / MODELOPT_FILE) if (folder / MODELOPT_FILE).exists() else None


def _plain(config: dict[str, Any]) -> str:
    text = config.get("text_config")
    inner = text if isinstance(text, dict) else {}
    kind = next((str(part[key]) for part in (config, inner) for key in _DTYPE_KEYS if part.get(key)), "")
    return _PLAIN.get(kind, kind or "bf16")


_DTYPE_KEYS = ("dtype", "torch_dtype")
"""What transformers calls the data type, now and earlier."""


def _read(path: Path) -> dict[str, Any]:
    """The JSON object in a small file; empty for everything else."""
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            return {}
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
