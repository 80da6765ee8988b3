"""`dgchat bench --batch`: both ways, what they share, and how fast they are beside each other."""

from __future__ import annotations

import io
import json

from dgchat.bench_batch import measure_batch, run_bench_batch
from dgchat.engine.events import CancelSignal, EventListener, Finished, GenerationRequest
from dgchat.session.loading import EngineLoader
from scripted_engine import ScriptedEngine

CHANGED = 6
"""The first row of the measured run, together: it comes behind four of the warm-up and two alone."""


def loader(engine: ScriptedEngine) -> EngineLoader:
    return lambda loading: engine


def test_every_measured_run_has_seeds_of_its_own_and_both_ways_the_same() -> None:
    engine = ScriptedEngine(answer=None, steps=2)
    result = measure_batch(engine, 3, 2, 2)
    seeds = [request.seed for request in engine.requests]
    assert seeds == [0, 1, 2] * 2 + [3, 4, 5] * 2 + [6, 7, 8] * 2
    assert (result.equal_texts, result.compared_texts, result.match_rate) == (6, 6, 1.0)


def test_a_text_that_differs_lowers_the_match_rate() -> None:
    class Changing(ScriptedEngine):
        def generate(
            self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
        ) -> Finished:
            self.answer = "another" if len(self.requests) == CHANGED else "one"
            return super().generate(request, on_event, cancelled)

    result = measure_batch(Changing(steps=2), 2, 2, 1)
    assert (result.equal_texts, result.compared_texts, result.match_rate) == (1, 2, 0.5)


def test_json_has_the_ratio_and_the_match_rate() -> None:
    out = io.StringIO()
    assert run_bench_batch(loader(ScriptedEngine(steps=2)), 2, 2, 1, json=True, out=out) == 0
    told = json.loads(out.getvalue())
    assert told["ratio"] > 0
    assert (told["equal_texts"], told["compared_texts"], told["match_rate"]) == (2, 2, 1.0)


def test_in_words_the_match_rate_stands_with_its_data_type() -> None:
    out = io.StringIO()
    run_bench_batch(loader(ScriptedEngine(steps=2)), 2, 2, 2, json=False, out=out)
    assert "4 of 4 texts equal in float32: 100.0%" in out.getvalue()
