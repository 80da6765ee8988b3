"""Refining a draft: at noise 0 it comes back, at noise 1 nothing of it does, between them a part is."""

from __future__ import annotations

from dataclasses import replace
from threading import Event as Flag

import pytest
import torch

from dgchat.checkpoint import LoadedCheckpoint
from dgchat.engine.draft import Draft, start_canvas
from dgchat.engine.draws import Draws
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import (
    ChatMessage,
    Finished,
    FinishReason,
    GenerationRequest,
    SamplerConfig,
)
from dgchat.engine.trace import Trace
from dgchat.errors import DgchatError, UsageError
from tiny import CANVAS, END_OF_TURN, PAD, with_speaker

STEPS = 8
ASKED = GenerationRequest(
    (ChatMessage("user", "Hello!"),), 20, SamplerConfig(max_denoising_steps=STEPS), seed=3
)
CPU = torch.device("cpu")
WIDE = 4000


def run(engine: DiffusionEngine, request: GenerationRequest) -> tuple[Finished, Trace]:
    trace = Trace()
    return engine.generate(request, trace.record, Flag()), trace


def pictures(trace: Trace) -> list[tuple[int, int, bytes, bytes, bytes]]:
    return [(s.canvas_index, s.step, bytes(s.token_ids), s.entropy_levels, s.accepted) for s in trace]


def answered(engine: DiffusionEngine) -> tuple[Finished, Trace, GenerationRequest]:
    """An answer, its steps, and the request to refine it."""
    first, trace = run(engine, ASKED)
    canvases = trace.final_canvases(first.stats.canvases)
    return first, trace, replace(ASKED, initial_canvas=canvases)


def test_at_noise_0_the_draft_comes_back_letter_for_letter_and_costs_no_step(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    first, _, refined = answered(engine)
    again, trace = run(engine, replace(refined, noise_level=0.0, seed=99))
    assert (again.text, again.thought, again.reason) == (first.text, first.thought, first.reason)
    assert len(trace) == again.stats.denoising_steps == 0
    assert again.stats.generated_tokens == first.stats.generated_tokens


def test_at_noise_0_a_draft_that_ended_its_turn_ends_it_again(loaded: LoadedCheckpoint):
    ending = [300, 301, END_OF_TURN, *[PAD] * (CANVAS - 3)]
    engine = DiffusionEngine(with_speaker(loaded, range(100, 100 + CANVAS), ending))
    first, _, refined = answered(engine)
    again, _ = run(engine, replace(refined, noise_level=0.0))
    assert again.reason is FinishReason.END_OF_TURN
    assert again.text == first.text


@pytest.mark.parametrize("seed", [3, 4])
def test_at_noise_1_the_answer_is_the_fresh_one_of_that_seed(loaded: LoadedCheckpoint, seed: int):
    engine = DiffusionEngine(loaded)
    _, _, refined = answered(engine)
    again, trace = run(engine, replace(refined, noise_level=1.0, seed=seed, refine_pass=2))
    fresh, expected = run(DiffusionEngine(loaded), replace(ASKED, seed=seed))
    assert again.text == fresh.text
    assert pictures(trace) == pictures(expected)


def test_between_them_the_schedule_begins_in_its_middle(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    _, _, refined = answered(engine)
    _, trace = run(engine, replace(refined, noise_level=0.25))
    first_canvas = trace.canvas(0)
    assert [step.step for step in first_canvas] == [7, 8]
    assert {step.max_steps for step in first_canvas} == {STEPS}
    assert first_canvas[0].temperature == pytest.approx(0.4 + 0.4 * 2 / STEPS)


def test_the_same_request_refines_the_same_way(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    _, _, refined = answered(engine)
    half = replace(refined, noise_level=0.5)
    assert pictures(run(engine, half)[1]) == pictures(run(DiffusionEngine(loaded), half)[1])


def test_a_canvas_beyond_the_draft_begins_as_a_fresh_one(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    _, trace, refined = answered(engine)
    one = replace(refined, initial_canvas=refined.initial_canvas[:1], noise_level=0.0)
    _, more = run(engine, one)
    assert [step.canvas_index for step in more] == [1] * STEPS + [2] * STEPS
    assert pictures(more) == [picture for picture in pictures(trace) if picture[0] > 0]


@pytest.mark.parametrize("noise_level", [0.0, 0.3, 1.0])
def test_that_share_of_the_positions_becomes_the_noise_of_a_fresh_canvas(noise_level: float):
    draws = Draws(7, CPU)
    draft = Draft(((5000,) * WIDE,), noise_level, refine_pass=1)
    start = start_canvas(draws, 0, WIDE, 4096, draft, STEPS)
    noise = draws.initial_canvas(0, (1, WIDE), 4096)
    forgotten = start.token_ids != 5000
    assert forgotten.double().mean().item() == pytest.approx(noise_level, abs=0.03)
    assert torch.equal(start.token_ids[forgotten], noise[forgotten])


def test_another_pass_and_another_seed_think_over_other_positions():
    def forgotten(seed: int, refine_pass: int) -> list[bool]:
        return Draws(seed, CPU).forgotten(0, refine_pass, (1, 200), 0.5)[0].tolist()

    assert forgotten(7, 1) == forgotten(7, 1)
    assert len({str(forgotten(seed, number)) for seed in (7, 8) for number in (1, 2)}) == 4


def test_the_smallest_noise_takes_a_step():
    draft = Draft(((1,) * 8,), 0.001, refine_pass=1)
    assert start_canvas(Draws(7, CPU), 0, 8, 100, draft, 48).steps_done == 47


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"noise_level": 1.5}, "noise_level is 1.5"),
        ({"noise_level": float("nan")}, "noise_level is nan"),
        ({"initial_canvas": ((1, 2),)}, f"canvas 1 of the draft has 2 tokens, the model's have {CANVAS}"),
        ({"initial_canvas": ((2**20,) * CANVAS,)}, "canvas 1 of the draft holds a token"),
        ({"initial_canvas": ((-1,) * CANVAS,)}, "canvas 1 of the draft holds a token"),
    ],
)
def test_a_draft_that_is_none_is_refused(loaded: LoadedCheckpoint, change: dict[str, object], complaint: str):
    draft = replace(ASKED, initial_canvas=((0,) * CANVAS,), noise_level=0.5)
    with pytest.raises(UsageError, match=complaint):
        run(DiffusionEngine(loaded), replace(draft, **change))


def test_drafts_in_a_batch_are_refined_as_each_would_be_alone(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    _, _, refined = answered(engine)
    requests = [replace(refined, noise_level=level) for level in (0.0, 0.5, 0.0, 1.0, 0.0)]
    outcomes: dict[int, Finished] = {}

    def keep(number: int, outcome: Finished | DgchatError) -> None:
        assert isinstance(outcome, Finished)
        outcomes[number] = outcome

    engine.generate_batch(requests, 2, lambda number, event: None, keep, Flag())
    alone = [run(DiffusionEngine(loaded), request)[0] for request in requests]
    assert [outcomes[number].reason for number in range(5)] == [one.reason for one in alone]
    zero = [0, 2, 4]
    assert [outcomes[number].text for number in zero] == [alone[number].text for number in zero]
