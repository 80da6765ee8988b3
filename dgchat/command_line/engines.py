"""How a command comes by its engine; whatever is heavy is imported once it is needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial

from dgchat.engine.events import Engine
from dgchat.session.loading import EngineLoader, Loading
from dgchat.settings import SERVER_KEY, Origin, Settings, read_key, where_set


def loader_for(settings: Settings, origins: Mapping[str, Origin], batch: int = 1) -> EngineLoader:
    """The loader of the engine that the settings, which come from `origins`, ask for: a model here,
    with memory for `batch` answers together, or a server.
    """

    def load(loading: Loading) -> Engine:
        if settings.server is not None:
            from dgchat.engine.remote import RemoteEngine  # brings httpx2

            key = read_key(SERVER_KEY)
            return RemoteEngine.connect(settings.server, key, settings.model, loading.cancelled)
        from dgchat.api import load_engine  # brings torch: seconds, so only once an engine is needed

        return load_engine(
            settings.model,
            settings.device,
            context=settings.context,
            on_progress=loading.report,
            cancelled=loading.cancelled,
            on_plan=loading.take_plan,
            named_by=where_set("model", origins),
            batch=batch,
        )

    return load


def kept_loader_for(
    settings: Settings, origins: Mapping[str, Origin], *, yes: bool, batch: int = 1
) -> EngineLoader:
    """The loader of a command that answers and leaves: the engine of a process that kept it, if any."""
    if settings.server is not None:
        return loader_for(settings, origins, batch)
    from dgchat.keep.start import find_or_start  # a chat does without

    fetch = partial(fetch_if_missing, settings, yes=yes)
    return find_or_start(settings, partial(loader_for, origins=origins, batch=batch), fetch, sys.stderr)


def fetch_if_missing(settings: Settings, *, yes: bool) -> None:
    """Fetch the model that the settings name, if it is not here and its owner agrees."""
    if settings.model is None or settings.server is not None:
        return
    from dgchat.model_commands import pull  # brings huggingface_hub and rich

    pull.fetch_if_missing(settings.model, yes=yes, reads=sys.stdin, err=sys.stderr)
