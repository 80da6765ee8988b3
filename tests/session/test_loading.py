"""What is said while a model loads, and how its loading is stopped."""

from __future__ import annotations

from threading import Thread
from weakref import ref

import pytest

from dgchat.engine.events import LoadProgress
from dgchat.errors import CheckpointError, DgchatError, LoadCancelled
from dgchat.session.loading import Loading, LoadingLines
from dgchat.session.session import Session
from scripted_engine import ScriptedEngine


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_before_the_first_byte_only_the_time_is_known():
    clock = Clock()
    loading = Loading(clock=clock)
    clock.now += 1.25
    assert loading.describe() == "loading the model · 1.2 s"


def test_bytes_time_and_rate_are_told_and_the_rate_counts_from_the_first_byte():
    clock = Clock()
    loading = Loading(clock=clock)
    clock.now += 10
    loading.report(LoadProgress(0, 18_823_855_888))
    assert loading.describe() == "loading 0.0 of 18.8 GB · 10 s"
    clock.now += 2
    loading.report(LoadProgress(4_200_000_000, 18_823_855_888))
    assert loading.describe() == "loading 4.2 of 18.8 GB · 12 s · 2.1 GB/s"


def test_a_small_model_is_told_in_megabytes():
    clock = Clock()
    loading = Loading(clock=clock)
    loading.report(LoadProgress(0, 14_000_000))
    clock.now += 1
    loading.report(LoadProgress(7_000_000, 14_000_000))
    assert loading.describe() == "loading 7.0 of 14.0 MB · 1 s · 7.0 MB/s"


def test_in_lines_a_second_passes_before_the_first_and_the_pauses_double():
    clock = Clock()
    loading = Loading(clock=clock)
    lines = LoadingLines(loading, clock)
    loading.report(LoadProgress(0, 18_823_855_888))
    told: list[float] = []
    for tenth in range(1, 200):
        clock.now = 100 + tenth / 10
        loading.report(LoadProgress(tenth * 10**8, 18_823_855_888))
        if line := lines.next_line():
            told.append(tenth / 10)
            assert line == f"loading {tenth / 10:.1f} of 18.8 GB, {tenth / 10:.0f} s, 1.0 GB/s"
    assert told == [1, 2, 4, 8, 16]


def test_in_lines_nothing_is_told_before_there_are_bytes_and_then_at_once():
    clock = Clock()
    loading = Loading(clock=clock)
    lines = LoadingLines(loading, clock)
    clock.now += 5
    assert lines.next_line() is None
    loading.report(LoadProgress(0, 18_823_855_888))
    assert lines.next_line() == "loading 0.0 of 18.8 GB, 5 s"
    assert lines.next_line() is None


def load_until_cancelled(loading: Loading) -> ScriptedEngine:
    loading.cancelled.wait(10)
    raise LoadCancelled("loading was cancelled")


def test_loading_can_be_cancelled_while_it_runs_and_waiting_turns_are_told():
    session = Session(load_until_cancelled)
    caught: list[LoadCancelled] = []

    def load() -> None:
        with pytest.raises(LoadCancelled) as error:
            session.load()
        caught.append(error.value)

    thread = Thread(target=load)
    thread.start()
    assert session.cancel_loading() is True
    thread.join(10)
    assert session.load_error is caught[0]
    assert session.load_error.exit_code == 130
    turn = session.begin("hello")
    session.run(turn, lambda event: None)
    assert turn.error is caught[0]


def test_a_model_that_is_there_is_not_cancelled():
    session = Session(lambda loading: ScriptedEngine())
    session.load()
    assert session.cancel_loading() is False
    assert not session.loading.cancelled.is_set()
    assert session.load_again() is False


def test_after_a_failure_and_only_then_it_can_be_loaded_again():
    outcomes: list[object] = [LoadCancelled("loading was cancelled"), ScriptedEngine(steps=1)]

    def load(loading: Loading) -> ScriptedEngine:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    session = Session(load)
    assert session.load_again() is False
    with pytest.raises(LoadCancelled, match=r"Send a prompt or /retry to load it again\."):
        session.load()
    first = session.loading
    assert session.load_again() is True
    assert session.is_loading
    assert session.load_error is None
    assert session.loading is not first
    session.load()
    turn = session.begin("hello")
    session.run(turn, lambda event: None)
    assert turn.finished is not None


class Weights:
    """Something large."""


@pytest.mark.parametrize("kind", [LoadCancelled, CheckpointError, MemoryError])
def test_a_failure_that_is_remembered_keeps_nothing_that_was_loaded(kind: type[Exception]):
    loaded: list[ref[Weights]] = []

    def load(loading: Loading) -> ScriptedEngine:
        weights = Weights()
        loaded.append(ref(weights))
        try:
            raise ValueError
        except ValueError as error:
            raise kind("no") from error

    session = Session(load)
    with pytest.raises(DgchatError):
        session.load()
    assert session.load_error is not None
    assert loaded[0]() is None
