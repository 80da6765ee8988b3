"""The format of the weights in a folder, as its configuration and its files tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgchat.checkpoint.files import read_json
from dgchat.hub.quantisation import MODELOPT_FILE, ForeignFormatError, Quantisation, quantisation_of


def refuse_foreign_files(folder: Path) -> None:
    """CheckpointError for a folder that holds a GGUF file and no safetensors."""
    gguf = sorted(folder.glob("*.gguf"))
    if gguf and not any(folder.glob("*.safetensors")):
        raise ForeignFormatError("GGUF", gguf[0].name)


def read_quantisation(folder: Path, config: Mapping[str, Any]) -> Quantisation:
    """The format that config.json, parsed, and hf_quant_config.json of the folder agree on; CheckpointError
    for one not ours.
    """
    own = read_json(folder, MODELOPT_FILE) if (folder / MODELOPT_FILE).exists() else None
    return quantisation_of(config, own)
