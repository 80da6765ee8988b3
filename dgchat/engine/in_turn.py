"""Requests answered together where the engine can, and one after another where it cannot. Without torch."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from dgchat.engine.events import (
    BatchEngine,
    BatchListener,
    CancelSignal,
    Engine,
    GenerationRequest,
    OutcomeListener,
)
from dgchat.errors import DgchatError


def generate_all(
    engine: Engine,
    requests: Iterable[GenerationRequest],
    size: int,
    on_event: BatchListener,
    on_outcome: OutcomeListener,
    cancelled: CancelSignal,
) -> None:
    """What `BatchEngine.generate_batch` promises, by any engine."""
    if isinstance(engine, BatchEngine):
        engine.generate_batch(requests, size, on_event, on_outcome, cancelled)
        return
    for number, request in enumerate(requests):
        try:
            finished = engine.generate(request, partial(on_event, number), cancelled)
        except DgchatError as error:
            on_outcome(number, error)
        else:
            on_outcome(number, finished)
        if cancelled.is_set():
            return
