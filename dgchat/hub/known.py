"""The DiffusionGemma checkpoints dgchat knows by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from dgchat.hub.formats import Configuration

_CONFIG = Path(__file__).with_name("diffusiongemma-26B-A4B-it.json")
"""config.json of all of them, but for how their weights are stored."""


@dataclass(frozen=True, slots=True)
class KnownCheckpoint:
    name: str
    """Hub id."""
    format: str
    """`bf16` or `nvfp4`."""
    num_bytes: int
    """Size of the repository's weights on disk."""
    is_exact: bool
    """Whether that is the exact size, or rounded."""

    def configuration(self) -> Configuration:
        """What its JSON files say, without having them: for a plan before anything is fetched."""
        config = json.loads(_CONFIG.read_text(encoding="utf-8"))
        section = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
        return Configuration(config | ({"quantization_config": section} if self.format == "nvfp4" else {}))


KNOWN = (
    KnownCheckpoint(
        "google/diffusiongemma-26B-A4B-it",
        format="bf16",
        num_bytes=51_650_000_000,
        is_exact=False,
    ),
    KnownCheckpoint(
        "nvidia/diffusiongemma-26B-A4B-it-NVFP4",
        format="nvfp4",
        num_bytes=18_823_855_888,
        is_exact=True,
    ),
)


def find_known(name: str) -> KnownCheckpoint | None:
    """The known checkpoint of that name."""
    return next((known for known in KNOWN if known.name == name), None)


def nearest_known(name: str) -> str | None:
    """The known checkpoint that `name` was most likely meant to be; None if it is one or is like none."""
    names = [known.name for known in KNOWN]
    matches = get_close_matches(name, names, n=1, cutoff=0.6)
    return matches[0] if matches and name not in names else None
