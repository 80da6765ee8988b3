"""The weights of a folder as they are stored, known from their headers alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from dgchat.checkpoint.collection import collection_paused
from dgchat.checkpoint.files import INDEX, SINGLE, read_json
from dgchat.checkpoint.formats.layout import TORCH_DTYPES, Layout, check_headers, layout_of
from dgchat.checkpoint.formats.quantisation import read_quantisation, refuse_foreign_files
from dgchat.checkpoint.headers import Header, read_headers
from dgchat.errors import CheckpointError
from dgchat.model.config import ModelConfig
from dgchat.model.quantised import Scheme


@dataclass(frozen=True, slots=True)
class StoredWeights:
    """Weights in order, as far as names, shapes and data types go."""

    folder: Path
    config: ModelConfig
    layout: Layout
    """What each tensor that is needed must be, and where in the model it goes."""
    headers: dict[str, Header]
    """The header of each tensor that is needed."""
    quantisation: Scheme | Literal["none"]
    """How the large weights are stored and kept in memory: `none`, `nvfp4` or `fp8`."""

    @property
    def dtype(self) -> torch.dtype:
        """Data type of most weights that are not packed."""
        plain = (header.dtype for name, header in self.headers.items() if not self.layout[name].kept_as)
        return TORCH_DTYPES[Counter(plain).most_common(1)[0][0]]

    def compute_dtype(self, device: str) -> torch.dtype:
        """What to compute in on a kind of device: fp32 on a CPU, which is faster there, else as stored."""
        return compute_dtype(device, self.dtype)


def compute_dtype(device: str, stored: torch.dtype) -> torch.dtype:
    """What weights stored as `stored` are computed in on a kind of device, as `StoredWeights` says."""
    return torch.float32 if device == "cpu" else stored


def open_weights(folder: Path) -> StoredWeights:
    """Check configuration and headers of a folder; CheckpointError names the file and tensor at fault."""
    if not folder.is_dir():
        raise CheckpointError(f"there is no checkpoint folder {folder}")
    refuse_foreign_files(folder)
    config_json = read_json(folder, "config.json")
    quantisation = read_quantisation(folder, config_json)
    config = ModelConfig.from_json(config_json)
    with collection_paused():
        found = read_headers(folder)
        layout = layout_of(config, quantisation, found)
        headers = check_headers(layout, found, INDEX if (folder / INDEX).exists() else SINGLE)
    return StoredWeights(folder, config, layout, headers, quantisation.scheme)
