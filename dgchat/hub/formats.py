"""How a checkpoint's weights are stored, as far as its JSON files say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgchat.errors import CheckpointError
from dgchat.hub.quantisation import MODELOPT_FILE, ForeignFormatError, quantisation_of

MODEL_TYPE = "diffusion_gemma"

OURS = frozenset({"bf16", "fp32", "nvfp4", "fp8"})
"""Formats that dgchat reads."""

CONFIGURATION_FILES = ("config.json", MODELOPT_FILE)
"""What a `Configuration` is read from."""

_MAX_CONFIG_BYTES = 2**20
_PLAIN = {"bfloat16": "bf16", "float32": "fp32", "float16": "fp16"}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the JSON files of a checkpoint say of its weights."""

    config: Mapping[str, Any]
    """config.json, parsed; empty if it is none."""
    own: Mapping[str, Any] | None = None
    """hf_quant_config.json, parsed; None if there is none."""

    @property
    def format(self) -> str | None:
        """One of `OURS` if that is what opening the checkpoint would find, or the name of whatever else is
        said; None if this is no DiffusionGemma.
        """
        if self.config.get("model_type") != MODEL_TYPE:
            return None
        try:
            scheme = quantisation_of(self.config, self.own).scheme
        except ForeignFormatError as error:
            return error.name
        except CheckpointError:
            return "an unclear format"
        return _plain(self.config) if scheme == "none" else scheme


def read_configuration(folder: Path) -> Configuration:
    """The configuration of the checkpoint in a folder; whatever is not there or no JSON object is empty."""
    own = folder / MODELOPT_FILE
    return Configuration(_read(folder / "config.json"), _read(own) if own.exists() else None)


def format_of(folder: Path) -> str | None:
    """The format of the checkpoint in a folder, as `Configuration.format` names it."""
    return read_configuration(folder).format


def _plain(config: Mapping[str, Any]) -> str:
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
