"""Python's garbage collector, which need not go through what stays again and again."""

from __future__ import annotations

import gc

from dgchat.engine.events import Engine
from dgchat.session.loading import EngineLoader, Loading


def sparing_what_stays(load: EngineLoader) -> EngineLoader:
    """The loader; once it is done the collector passes over everything there is. To look through a program
    and its model takes tens of milliseconds, and it would be done in the middle of a frame.
    """

    def load_and_freeze(loading: Loading) -> Engine:
        gc.unfreeze()  # an earlier model may go
        engine = load(loading)
        gc.freeze()
        return engine

    return load_and_freeze
