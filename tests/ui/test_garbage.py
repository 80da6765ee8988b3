"""What the garbage collector passes over once a model is loaded."""

from __future__ import annotations

import gc

from dgchat.session.loading import Loading
from dgchat.ui.garbage import sparing_what_stays
from scripted_engine import ScriptedEngine


def test_what_is_there_with_the_model_is_not_looked_through_again_until_another_model_loads():
    frozen_while_loading: list[int] = []

    def load(loading: Loading) -> ScriptedEngine:
        frozen_while_loading.append(gc.get_freeze_count())
        return ScriptedEngine()

    sparing = sparing_what_stays(load)
    try:
        for _ in range(2):
            sparing(Loading())
            assert gc.get_freeze_count() > 1_000
    finally:
        gc.unfreeze()
    assert frozen_while_loading == [0, 0]
