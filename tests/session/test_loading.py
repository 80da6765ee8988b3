"""What is said while a model loads, and how its loading is stopped."""

from __future__ import annotations

from threading import Thread

import pytest

from dgchat.engine.events import LoadProgress
from dgchat.errors import LoadCancelled
from dgchat.session.loading import Loading
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
