"""A checkpoint's own defaults for generation, and the limits of what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgchat.engine.events import SamplerConfig
from dgchat.errors import CheckpointError
from dgchat.model.config import MAX_REAL, MAX_WHOLE, MIN_REAL


@dataclass(frozen=True, slots=True)
class GenerationDefaults:
    """How a checkpoint wants to be used; an absent or null field is the architecture's default."""

    sampler: SamplerConfig
    max_new_tokens: int
    """Limit of one answer, in tokens."""
    end_ids: frozenset[int]
    """Tokens that end a turn."""
    max_prompt_tokens: int | None
    """Longest prompt the model is made for; None: its context."""
    max_turns: int | None
    """Most turns it is made for, the present one included; None: as many as fit."""

    @classmethod
    def from_json(cls, generation: Mapping[str, Any], config: Mapping[str, Any]) -> GenerationDefaults:
        """Read the parsed generation_config.json; end-of-turn ids fall back to config.json, which also
        holds the two limits (the reference refuses fields of generation_config.json that it does not know).
        """
        sampler = generation.get("sampler_config") or {}
        if not isinstance(sampler, dict):
            raise CheckpointError(f"generation_config.json: sampler_config is {sampler!r}, not an object")
        own = SamplerConfig()
        return cls(
            sampler=SamplerConfig(
                max_denoising_steps=_whole(generation, "max_denoising_steps", own.max_denoising_steps, 1),
                entropy_bound=_real(sampler, "entropy_bound", own.entropy_bound),
                t_min=_real(generation, "t_min", own.t_min),
                t_max=_real(generation, "t_max", own.t_max),
                stability_threshold=_whole(generation, "stability_threshold", own.stability_threshold, 0),
                confidence_threshold=_real(generation, "confidence_threshold", own.confidence_threshold),
            ),
            max_new_tokens=_whole(generation, "max_new_tokens", 256, 1),
            end_ids=_end_ids(generation, config),
            max_prompt_tokens=_limit(config, "max_prompt_tokens"),
            max_turns=_limit(config, "max_turns"),
        )


def _end_ids(*sections: Mapping[str, Any]) -> frozenset[int]:
    stated = (section.get("eos_token_id") for section in sections)
    ends = next((value for value in stated if value is not None), 1)
    ids = ends if isinstance(ends, list) else [ends]
    if not all(type(token) is int for token in ids):
        raise CheckpointError(f"eos_token_id is {ends!r}, not whole numbers")
    return frozenset(ids)


def _whole(
    section: Mapping[str, Any], name: str, default: int, least: int, *, file: str = "generation_config.json"
) -> int:
    value = section.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_WHOLE:
        raise CheckpointError(f"{file}: {name} is {value!r}, not a whole number from {least} to {MAX_WHOLE}")
    return value


def _real(section: Mapping[str, Any], name: str, default: float) -> float:
    value = section.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_REAL <= value <= MAX_REAL:
        raise CheckpointError(
            f"generation_config.json: {name} is {value!r}, not a number from {MIN_REAL:g} to {MAX_REAL:g}"
        )
    return float(value)


def _limit(config: Mapping[str, Any], name: str) -> int | None:
    return None if config.get(name) is None else _whole(config, name, 0, 1, file="config.json")
