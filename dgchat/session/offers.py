"""Prompts that an empty chat offers, and what it says of the model that would answer them."""

from __future__ import annotations

from dgchat.engine.events import EngineInfo

SMALL_PARAMETERS = 1_000_000_000
"""A model of fewer is for trying things out, as the bundled one is."""

SMALL_OFFERS = ("Tell me a story.", "How does text diffusion work?", "What is the capital of Norway?")
LARGE_OFFERS = (
    "Explain quantum computing in simple terms.",
    "Write a haiku about the tides, and one about the moon that causes them.",
    "Write a Python function that lists the primes below n, and say how it works.",
)

HOW_TO_GET_MORE = "a tiny model, for trying things out; for the real ones: dgchat models"


def is_small(info: EngineInfo) -> bool:
    """Whether the model is for trying things out."""
    return info.parameters < SMALL_PARAMETERS


def offers_for(info: EngineInfo) -> tuple[str, str, str]:
    """Three prompts that this model answers well."""
    return SMALL_OFFERS if is_small(info) else LARGE_OFFERS
