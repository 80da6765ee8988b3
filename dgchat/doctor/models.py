"""Which model answers and why, which others are in the cache, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event as Flag
from typing import TYPE_CHECKING

from dgchat.doctor.fact import Fact, Finding, Problem
from dgchat.errors import DgchatError
from dgchat.hub.sizes import rounded
from dgchat.settings import SERVER_KEY, ChosenSettings, Origin, choose_settings, read_key

if TYPE_CHECKING:
    from dgchat.checkpoint import Checkpoint
    from dgchat.hub.cache import CachedCheckpoint

_NAMED_BY = {
    Origin.FILE: "config.toml names it",
    Origin.VARIABLE: "DGCHAT_MODEL names it",
}


def find_models(chosen: ChosenSettings) -> Iterator[Finding]:
    """cached, bare, then server, or model and memory."""
    yield from _cached(chosen)
    yield from _bare()
    if chosen.settings.server is not None:
        yield from _server(chosen.settings.server, chosen.settings.model)
    else:
        yield from _model(chosen)


def _cached(chosen: ChosenSettings) -> Iterator[Finding]:
    from dgchat.engine.fit import fit_of_folder, this_machine  # brings torch
    from dgchat.hub.cache import cached_checkpoints

    machine = this_machine(chosen.settings.device)

    def fit(checkpoint: CachedCheckpoint) -> str:
        return fit_of_folder(checkpoint.folder, machine).words if checkpoint.is_whole else "only in part"

    rows = [(checkpoint, fit(checkpoint)) for checkpoint in cached_checkpoints()]
    words = "\n".join(f"{one.name} ({one.format}, {rounded(one.num_bytes)}): {fit}" for one, fit in rows)
    value = [
        {
            "name": one.name,
            "format": one.format,
            "bytes": one.num_bytes,
            "commit": one.commit,
            "is_whole": one.is_whole,
            "fit": fit,
        }
        for one, fit in rows
    ]
    yield Fact("cached", words or "no checkpoint in the Hugging Face cache", value)


def _bare() -> Iterator[Finding]:
    """What opens when somebody types `dgchat` and nothing else."""
    from dgchat.engine.model_choice import choose_model  # brings torch

    try:
        bare = choose_settings({})
        named = bare.settings.server or bare.settings.model
        if bare.settings.server is not None:
            name, reason = bare.settings.server, "the settings name a server"
        else:
            choice = choose_model(bare.settings.model, bare.settings.device)
            name, reason = choice.name, choice.reason
            if named is not None:
                reason = _NAMED_BY[bare.origins["model"]]
    except DgchatError as error:
        yield Problem(error)
        return
    reason = reason or "only on a CUDA GPU is one taken from the cache unasked"
    yield Fact("bare", f"a bare dgchat opens {name}: {reason}", {"opens": name, "because": reason})


def _server(url: str, model: str | None) -> Iterator[Finding]:
    from dgchat.engine.remote import RemoteEngine  # brings httpx2

    key = read_key(SERVER_KEY)
    info = RemoteEngine.connect(url, key, model, Flag()).info()
    key_words = "with a key" if key else "without a key"
    words = f"{info.model} on {info.device}, asked {key_words}, context {info.context_length:,} tokens"
    value = {
        "url": info.device,
        "model": info.model,
        "context_length": info.context_length,
        "has_key": key is not None,
    }
    yield Fact("server", words, value)


def _model(chosen: ChosenSettings) -> Iterator[Finding]:
    from dgchat.checkpoint import open_checkpoint  # brings torch
    from dgchat.checkpoint.plan import MemoryPlanner, choose_plan
    from dgchat.engine.device import choose_device, free_memory
    from dgchat.engine.model_choice import choose_model

    settings = chosen.settings
    choice = choose_model(settings.model, settings.device)
    words = f"{settings.model or choice.reason or 'the bundled model'}, in {choice.folder}"
    checkpoint = choice.opened or open_checkpoint(choice.folder)
    value = {"name": choice.name, "folder": str(choice.folder), **_sizes(checkpoint)}
    yield Fact("model", f"{words}\n{_in_words(checkpoint)}", value)
    device = choose_device(settings.device)
    available = free_memory(device)
    plan = choose_plan(MemoryPlanner.of(checkpoint, device), choice.name, available, settings.context)
    yield Fact("memory", plan.beside(available), plan.beside(available))


def _sizes(checkpoint: Checkpoint) -> dict[str, object]:
    config = checkpoint.config
    return {
        "layers": len(config.layers),
        "hidden_size": config.hidden_size,
        "vocabulary": config.vocab_size,
        "canvas_length": config.canvas_length,
        "dtype": str(checkpoint.dtype).removeprefix("torch."),
        "quantisation": checkpoint.quantisation,
    }


def _in_words(checkpoint: Checkpoint) -> str:
    config = checkpoint.config
    kinds = [str(checkpoint.dtype).removeprefix("torch.")]
    if checkpoint.quantisation != "none":
        kinds.append(checkpoint.quantisation)
    return (
        f"{len(config.layers)} layers, hidden {config.hidden_size}, vocabulary {config.vocab_size}, "
        f"canvas {config.canvas_length} tokens, stored as {' and '.join(kinds)}"
    )
