"""The DiffusionGemma checkpoints dgchat knows by name."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches


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
    text_bytes: int
    """Weights in memory: the text model alone, rounded."""


KNOWN = (
    KnownCheckpoint(
        "google/diffusiongemma-26B-A4B-it",
        format="bf16",
        num_bytes=51_650_000_000,
        is_exact=False,
        text_bytes=50_500_000_000,
    ),
    KnownCheckpoint(
        "nvidia/diffusiongemma-26B-A4B-it-NVFP4",
        format="nvfp4",
        num_bytes=18_823_855_888,
        is_exact=True,
        text_bytes=17_700_000_000,
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
