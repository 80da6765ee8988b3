"""How a checkpoint's weights are stored, as far as its JSON files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MODEL_TYPE = "diffusion_gemma"

OURS = frozenset({"bf16", "fp32", "nvfp4", "fp8"})
"""Formats that dgchat reads."""

_MAX_CONFIG_BYTES = 2**20
_PLAIN = {"bfloat16": "bf16", "float32": "fp32", "float16": "fp16"}
_COMPRESSED = {"nvfp4-pack-quantized": "nvfp4", "float-quantized": "fp8"}


def format_of(folder: Path) -> str | None:
    """`bf16`, `nvfp4`, `fp8`, or whatever else config.json names; None if this is no DiffusionGemma."""
    config = _read(folder / "config.json")
    if config.get("model_type") != MODEL_TYPE:
        return None
    quantisation = config.get("quantization_config")
    if not isinstance(quantisation, dict):
        text = config.get("text_config")
        inner = text if isinstance(text, dict) else {}
        kind = next((str(part[key]) for part in (config, inner) for key in _DTYPE_KEYS if part.get(key)), "")
        return _PLAIN.get(kind, kind or "bf16")
    method = str(quantisation.get("quant_method"))
    if method == "compressed-tensors":
        return _COMPRESSED.get(str(quantisation.get("format")), method)
    if method == "modelopt":
        inside = _read(folder / "hf_quant_config.json").get("quantization")
        algorithm = quantisation.get("quant_algo") or (isinstance(inside, dict) and inside.get("quant_algo"))
        return str(algorithm or method).lower()
    return method


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
