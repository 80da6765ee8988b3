"""Cancelled at any time, and out of memory at any operation, the engine gives the next answer as ever."""

from __future__ import annotations

import gc
from random import Random
from threading import Event, Timer
from time import perf_counter

import pytest
import torch

from dgchat.checkpoint import LoadedCheckpoint
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import (
    CanvasStep,
    ChatMessage,
    Finished,
    FinishReason,
    GenerationRequest,
    SamplerConfig,
)
from dgchat.errors import InsufficientMemoryError
from faults.failing_allocations import FullAt
from tiny import load_tiny

STRIDE = 1201
"""In the default run; every operation is tried by `make soak`."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    return load_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def request(text: str = "Hello! How are you?", steps: int = 4, seed: int = 3) -> GenerationRequest:
    return GenerationRequest(
        (ChatMessage("user", text),),
        24,
        SamplerConfig(max_denoising_steps=steps, confidence_threshold=0),
        seed=seed,
    )


def ask(engine: DiffusionEngine, asked: GenerationRequest, cancelled: Event | None = None) -> Finished:
    return engine.generate(asked, lambda event: None, cancelled or Event())


def test_cancelled_at_100_random_times_the_same_request_then_gives_the_same_answer(loaded: LoadedCheckpoint):
    engine, moments = DiffusionEngine(loaded), Random(5)
    long = request(steps=4)
    began = perf_counter()
    expected = ask(DiffusionEngine(loaded), long).text
    whole, cancelled_ones = perf_counter() - began, 0
    for _ in range(100):
        cancelled = Event()
        timer = Timer(moments.uniform(0, whole), cancelled.set)
        timer.start()
        cancelled_ones += ask(engine, long, cancelled).reason is FinishReason.CANCELLED
        timer.cancel()
        assert ask(engine, long).text == expected
    assert cancelled_ones >= 30


def test_the_same_seed_gives_the_same_bytes_20_of_20_watched_or_not(loaded: LoadedCheckpoint):
    def run(watched: bool) -> tuple[str, list[bytes]]:
        steps: list[bytes] = []

        def watch(event: object) -> None:
            if isinstance(event, CanvasStep):
                steps.append(event.token_ids.tobytes())

        finished = DiffusionEngine(loaded).generate(
            request(), watch if watched else lambda event: None, Event()
        )
        return finished.text, steps

    answers = [run(watched=number % 2 == 0) for number in range(20)]
    assert len({text for text, _ in answers}) == 1
    assert len({tuple(steps) for _, steps in answers[::2]}) == 1


def run_out_everywhere(loaded: LoadedCheckpoint, stride: int) -> int:
    """Run out of memory at every `stride`-th operation of an answer; how often that was."""
    engine = DiffusionEngine(loaded)
    expected = ask(engine, request()).text
    at, struck = 1, 0
    baseline = _num_bytes()
    while True:
        full = FullAt(at)
        try:
            with full:
                ask(engine, request())
        except InsufficientMemoryError as error:
            assert "ran out of memory" in error.message  # noqa: PT017 - it is not raised every time
            error = None
        if not full.has_struck:
            return struck
        struck += 1
        assert ask(engine, request()).text == expected, f"after operation {at}"
        assert _num_bytes() <= baseline + 1024, f"after operation {at}"
        at += stride


def test_out_of_memory_at_any_operation_leaves_the_engine_ready_and_its_memory_as_before(loaded):
    assert run_out_everywhere(loaded, STRIDE) >= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_out_of_memory_at_every_single_operation(loaded):
    assert run_out_everywhere(loaded, 1) >= 500


def _num_bytes() -> int:
    gc.collect()
    kinds = (torch.Tensor, torch.nn.Parameter)
    return sum(each.nbytes for each in gc.get_objects() if type(each) in kinds and not each.is_meta)
