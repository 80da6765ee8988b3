"""dgchat: a terminal chat for the text-diffusion model DiffusionGemma, and its engine as a library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgchat.answer import Answer, BatchError
    from dgchat.api import DiffusionGemmaModel

__version__ = "0.1.0"
__all__ = ["Answer", "BatchError", "DiffusionGemmaModel", "__version__"]


def __getattr__(name: str) -> object:
    """Load the library face on first use: importing the package must not cost a torch import."""
    if name in {"Answer", "BatchError"}:
        return getattr(import_module("dgchat.answer"), name)
    if name == "DiffusionGemmaModel":
        return import_module("dgchat.api").DiffusionGemmaModel
    raise AttributeError(f"module 'dgchat' has no attribute {name!r}")
