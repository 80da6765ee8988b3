"""Signals that stop long work."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from dgchat.model_commands.interrupts import signals_interrupt

STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def _not_under_nohup() -> Iterator[None]:
    """Whoever runs the tests may have turned HUP off."""
    earlier = {number: signal.signal(number, signal.default_int_handler) for number in STOPPING}
    yield
    for number, handler in earlier.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING, ids=str)
def test_the_first_of_them_interrupts_and_the_next_ones_let_the_work_be_cleared_up(number: signal.Signals):
    is_cleared = False

    def work() -> None:
        nonlocal is_cleared
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(number)
            is_cleared = True

    with pytest.raises(KeyboardInterrupt), signals_interrupt():
        work()
    assert is_cleared


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in STOPPING]
    with signals_interrupt():
        assert [signal.getsignal(number) for number in STOPPING] != before
    assert [signal.getsignal(number) for number in STOPPING] == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no hangup")
def test_under_nohup_a_hangup_stops_nothing():
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_interrupt():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, earlier)
