"""Answers that are denoised together are those that each prompt gets alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Flag

import pytest
import torch

from dgchat.checkpoint import LoadedCheckpoint, open_checkpoint
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import (
    CanvasStarted,
    CanvasStep,
    ChatMessage,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
    Prefilled,
    SamplerConfig,
)
from dgchat.errors import DgchatError, PromptError
from dgchat.paths import bundled_model
from tiny import CANVAS, CONTEXT, load_tiny, write_checkpoint

PROMPTS = (
    "What is the capital of France?",
    "Tell me a story about the sea.",
    "hello",
    "Tell me about cats, and then about dogs, and then about birds.",
    "Write a poem about autumn.",
    "Who are you?",
    "What is 3 plus 4?",
    "Tell me a joke. " * 5,
)
STEPS = (48, 24, 12, 3)


@dataclass
class Recorder:
    """Keeps what happens to every row, and can cancel at one of the steps."""

    cancel_at: int | None = None
    cancelled: Flag = field(default_factory=Flag)
    events: list[tuple[int, Event]] = field(default_factory=list)
    outcomes: dict[int, Finished | DgchatError] = field(default_factory=dict)

    def on_event(self, row: int, event: Event) -> None:
        self.events.append((row, event))
        steps = sum(isinstance(one, CanvasStep) for _, one in self.events)
        if steps == self.cancel_at:
            self.cancelled.set()

    def on_outcome(self, row: int, outcome: Finished | DgchatError) -> None:
        assert row not in self.outcomes
        self.outcomes[row] = outcome

    def canvases(self, row: int) -> list[tuple[int, int, list[int], bytes, float]]:
        return [_picture(event) for number, event in self.events if number == row and _is_step(event)]


def _is_step(event: Event) -> bool:
    return isinstance(event, CanvasStep)


def _picture(step: Event) -> tuple[int, int, list[int], bytes, float]:
    assert isinstance(step, CanvasStep)
    return step.canvas_index, step.step, list(step.token_ids), step.accepted, step.temperature


def requests_of(loaded: LoadedCheckpoint, max_new_tokens: int) -> list[GenerationRequest]:
    own = loaded.generation.sampler
    return [
        GenerationRequest(
            (ChatMessage("user", prompt),),
            max_new_tokens,
            replace(own, max_denoising_steps=STEPS[row % 4], entropy_bound=0.1 + 0.05 * (row % 3)),
            seed=100 + row,
        )
        for row, prompt in enumerate(PROMPTS)
    ]


def together(
    loaded: LoadedCheckpoint,
    requests: Sequence[GenerationRequest],
    size: int,
    recorder: Recorder | None = None,
) -> Recorder:
    recorder = recorder or Recorder()
    DiffusionEngine(loaded).generate_batch(
        requests, size, recorder.on_event, recorder.on_outcome, recorder.cancelled
    )
    return recorder


def alone(loaded: LoadedCheckpoint, requests: Sequence[GenerationRequest]) -> Recorder:
    recorder = Recorder()
    for row, request in enumerate(requests):
        finished = DiffusionEngine(loaded).generate(request, lambda e, r=row: recorder.on_event(r, e), Flag())
        recorder.on_outcome(row, finished)
    return recorder


def assert_alike(batch: Recorder, singles: Recorder) -> None:
    assert batch.outcomes.keys() == singles.outcomes.keys()
    for row, expected in singles.outcomes.items():
        got = batch.outcomes[row]
        assert isinstance(got, Finished)
        assert isinstance(expected, Finished)
        assert batch.canvases(row) == singles.canvases(row)
        assert (got.text, got.thought, got.reason) == (expected.text, expected.thought, expected.reason)
        assert got.stats.denoising_steps == expected.stats.denoising_steps
        assert got.stats.canvases == expected.stats.canvases


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    """The tiny model in float64."""
    folder = write_checkpoint(tmp_path_factory.mktemp("exact"))
    return open_checkpoint(folder).load("cpu", torch.float64)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("size", [1, 3, 8, 20])
def test_a_batch_of_a_tiny_model_equals_singles_step_by_step(exact: LoadedCheckpoint, size: int):
    requests = requests_of(exact, 5 * CANVAS - 3)
    assert_alike(together(exact, requests, size), alone(exact, requests))


@pytest.mark.usefixtures("needs_bundled_model")
@pytest.mark.parametrize("size", [8, 3])
def test_a_batch_of_the_bundled_model_equals_singles_step_by_step(size: int):
    loaded = open_checkpoint(bundled_model()).load("cpu", torch.float64)
    requests = requests_of(loaded, 192)
    singles = alone(loaded, requests)
    assert max(one.stats.canvases for one in singles.outcomes.values() if isinstance(one, Finished)) > 1
    assert_alike(together(loaded, requests, size), singles)


def test_conversations_of_several_turns_and_answers_that_go_on_are_alike_too(exact: LoadedCheckpoint):
    asked = ChatMessage("user", "Hello!")
    talks = [
        (ChatMessage("system", "Be brief."), asked),
        (asked, ChatMessage("assistant", "Hi."), ChatMessage("user", "How are you?")),
        (asked, ChatMessage("assistant", "The moon")),
    ]
    base = GenerationRequest((), 3 * CANVAS, SamplerConfig(max_denoising_steps=4))
    requests = [replace(base, messages=talk, seed=row) for row, talk in enumerate(talks)]
    assert_alike(together(exact, requests, 3), alone(exact, requests))


def test_a_row_draws_what_it_would_alone_wherever_it_stands(exact: LoadedCheckpoint):
    requests = requests_of(exact, 2 * CANVAS)
    forwards, backwards = together(exact, requests, 4), together(exact, requests[::-1], 4)
    last = len(requests) - 1
    for row in range(len(requests)):
        assert forwards.canvases(row) == backwards.canvases(last - row)


def test_a_place_that_becomes_free_is_taken_at_the_next_step(loaded: LoadedCheckpoint):
    sampler = SamplerConfig(confidence_threshold=-1.0)
    base = GenerationRequest((ChatMessage("user", "Hello"),), CANVAS, sampler)
    steps = (12, 2, 3)  # the last waits for the second
    requests = [
        replace(base, seed=row, sampler=replace(sampler, max_denoising_steps=count))
        for row, count in enumerate(steps)
    ]
    recorder = together(loaded, requests, 2)
    order = [(row, event.step) for row, event in recorder.events if isinstance(event, CanvasStep)]
    assert order[:8] == [(0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (2, 1), (0, 4), (2, 2)]
    assert list(recorder.outcomes) == [1, 2, 0]


def test_a_finished_canvas_goes_on_without_waiting_for_its_neighbours(loaded: LoadedCheckpoint):
    sampler = SamplerConfig(confidence_threshold=-1.0)
    base = GenerationRequest((ChatMessage("user", "Hello"),), 2 * CANVAS, sampler)
    requests = [
        replace(base, sampler=replace(sampler, max_denoising_steps=count), seed=count) for count in (7, 2)
    ]
    recorder = together(loaded, requests, 2)
    started = [(row, e.canvas_index) for row, e in recorder.events if isinstance(e, CanvasStarted)]
    assert started[:3] == [(0, 0), (1, 0), (1, 1)]


def test_events_of_a_row_come_in_the_order_of_a_single_answer(exact: LoadedCheckpoint):
    requests = requests_of(exact, 2 * CANVAS)
    batch, single = together(exact, requests, 8), alone(exact, requests)
    for row in range(len(requests)):
        kinds = [[type(event) for number, event in one.events if number == row] for one in (batch, single)]
        assert kinds[0] == kinds[1]
    prefilled = [event for _, event in batch.events if isinstance(event, Prefilled)]
    assert all(event.cached_tokens == 0 and event.seconds > 0 for event in prefilled)


def test_a_prompt_that_cannot_be_answered_is_an_outcome_and_the_others_go_on(loaded: LoadedCheckpoint):
    good = GenerationRequest((ChatMessage("user", "Hello"),), CANVAS, SamplerConfig(max_denoising_steps=2))
    bad = replace(good, messages=(ChatMessage("user", "moon " * CONTEXT),))
    recorder = together(loaded, [good, bad, good, replace(good, seed=-1)], 2)
    failed = {row for row, one in recorder.outcomes.items() if isinstance(one, DgchatError)}
    assert (sorted(recorder.outcomes), failed) == ([0, 1, 2, 3], {1, 3})
    assert isinstance(recorder.outcomes[1], PromptError)


def test_a_cancel_ends_the_rows_within_a_step_and_begins_no_other(loaded: LoadedCheckpoint):
    request = GenerationRequest((ChatMessage("user", "Hello"),), CANVAS, SamplerConfig())
    recorder = together(loaded, [request] * 6, 3, Recorder(cancel_at=7))
    reasons = {row: one.reason for row, one in recorder.outcomes.items() if isinstance(one, Finished)}
    assert reasons == dict.fromkeys(range(3), FinishReason.CANCELLED)
    assert sum(isinstance(event, CanvasStep) for _, event in recorder.events) <= 9


def test_requests_are_taken_only_when_there_is_a_place(loaded: LoadedCheckpoint):
    request = GenerationRequest(
        (ChatMessage("user", "Hello"),), CANVAS, SamplerConfig(max_denoising_steps=3), seed=1
    )
    taken: list[int] = []
    recorder = Recorder()

    def requests() -> Iterator[GenerationRequest]:
        for number in range(5):
            assert number - len(recorder.outcomes) < 2
            taken.append(number)
            yield request

    DiffusionEngine(loaded).generate_batch(
        requests(), 2, recorder.on_event, recorder.on_outcome, recorder.cancelled
    )
    assert taken == sorted(recorder.outcomes) == [0, 1, 2, 3, 4]


def test_a_batch_leaves_the_conversation_as_it_is(loaded: LoadedCheckpoint):
    engine, recorder = DiffusionEngine(loaded), Recorder()
    request = GenerationRequest((ChatMessage("user", "Hello"),), CANVAS, SamplerConfig(max_denoising_steps=2))
    engine.generate(request, lambda event: None, Flag())
    before = list(engine.cache.token_ids)
    engine.generate_batch([request] * 3, 2, recorder.on_event, recorder.on_outcome, Flag())
    assert engine.cache.token_ids == before


def test_the_batch_of_a_model_that_limits_its_prompts_drops_the_same_turns(tmp_path: Path):
    loaded = load_tiny(tmp_path, limits={"max_turns": 2})
    hello = ChatMessage("user", "Hello")
    messages = (hello, ChatMessage("assistant", "x"), hello, ChatMessage("assistant", "y"), hello)
    request = GenerationRequest(messages, 1, SamplerConfig(max_denoising_steps=1))
    recorder = together(loaded, [request], 1)
    assert [event.dropped_turns for _, event in recorder.events if isinstance(event, Prefilled)] == [1]
