"""Which model answers: the one that was named, else a cached one that fits this GPU, else the bundled one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dgchat.checkpoint.find import checkpoint_name, find_checkpoint
from dgchat.engine.fit import Fit, Machine, fit_of_folder, this_machine
from dgchat.hub.cache import CachedCheckpoint, cached_checkpoints
from dgchat.paths import bundled_model


@dataclass(frozen=True, slots=True)
class ModelChoice:
    name: str
    """What to call it."""
    folder: Path
    """Where it lies."""
    reason: str
    """Why this one, in a line for the reader; empty where nothing was chosen for them."""


def choose_model(named: str | Path | None, device: str) -> ModelChoice:
    """The model for `named` (None: nobody named one) on `device` (`auto`, `cpu`, `cuda` or `mps`).

    Only a CUDA device is given a cached checkpoint that nobody named: of those that fit, the largest.
    """
    if named is not None:
        folder = find_checkpoint(named)
        return ModelChoice(checkpoint_name(folder), folder, reason="")
    machine = this_machine(device)
    if machine.device != "cuda":
        return _bundled("")
    whole = [checkpoint for checkpoint in cached_checkpoints() if checkpoint.is_whole]
    return _of_cached(sorted(whole, key=lambda one: one.weight_bytes, reverse=True), machine)


def _of_cached(largest_first: list[CachedCheckpoint], machine: Machine) -> ModelChoice:
    fits = [(one, fit_of_folder(one.folder, one.weight_bytes, one.format, machine)) for one in largest_first]
    for checkpoint, fit in fits:
        if fit.fits:
            reason = f"{checkpoint.name} from the Hugging Face cache {fit.words} (--model names another)"
            return ModelChoice(checkpoint.name, checkpoint.folder, reason)
    return _bundled(_why_bundled(fits))


def _bundled(reason: str) -> ModelChoice:
    folder = bundled_model()
    return ModelChoice(checkpoint_name(folder), folder, reason)


def _why_bundled(fits: list[tuple[CachedCheckpoint, Fit]]) -> str:
    if not fits:
        return "the bundled model: no other is in the Hugging Face cache (dgchat models lists some)"
    smallest, fit = fits[-1]
    return f"the bundled model: no cached one fits this GPU ({smallest.name} {fit.words})"
