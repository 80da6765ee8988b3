"""Which model answers: the one that was named, else a cached one that fits this GPU, else the bundled one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dgchat.checkpoint.find import checkpoint_name, find_checkpoint
from dgchat.checkpoint.folder import Checkpoint, open_checkpoint
from dgchat.engine.fit import Fit, Machine, fit_of_folder, this_machine
from dgchat.errors import CheckpointError
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
    opened: Checkpoint | None = None
    """The checkpoint itself, where choosing it took opening it."""


def choose_model(named: str | Path | None, device: str) -> ModelChoice:
    """The model for `named` (None: nobody named one) on `device` (`auto`, `cpu`, `cuda` or `mps`).

    Only a CUDA device is given a cached checkpoint that nobody named: the largest that opens and fits.
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
    passed_over: list[tuple[CachedCheckpoint, Fit]] = []
    for checkpoint in largest_first:
        fit = fit_of_folder(checkpoint.folder, machine)
        if fit.fits:
            try:
                opened = open_checkpoint(checkpoint.folder)
            except CheckpointError as error:
                fit = replace(fit, fault=error.message)
            else:
                reason = (
                    f"{checkpoint.name} from the Hugging Face cache {fit.words} (--model names another)"
                    f"{_faults(passed_over)}"
                )
                return ModelChoice(checkpoint.name, checkpoint.folder, reason, opened)
        passed_over.append((checkpoint, fit))
    return _bundled(_why_bundled(passed_over))


def _bundled(reason: str) -> ModelChoice:
    folder = bundled_model()
    return ModelChoice(checkpoint_name(folder), folder, reason)


def _why_bundled(passed_over: list[tuple[CachedCheckpoint, Fit]]) -> str:
    if not passed_over:
        return "the bundled model: no other is in the Hugging Face cache (dgchat models lists some)"
    sound = [(checkpoint, fit) for checkpoint, fit in passed_over if not fit.fault]
    why = "the bundled model: no cached one fits this GPU"
    if sound:
        smallest, fit = sound[-1]
        why = f"{why} ({smallest.name} {fit.words})"
    return why + _faults(passed_over)


def _faults(passed_over: list[tuple[CachedCheckpoint, Fit]]) -> str:
    """What is said, behind the reason, of checkpoints that are broken or foreign."""
    faulty = [f"; {checkpoint.name}: {fit.words}" for checkpoint, fit in passed_over if fit.fault]
    return "".join(" ".join(one.split()) for one in faulty)
