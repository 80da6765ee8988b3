"""The wait for a large model: what is seen of it, and the way out."""

from __future__ import annotations

from threading import Event

from dgchat.engine.events import LoadProgress
from dgchat.errors import LoadCancelled
from dgchat.session.loading import Loading
from scripted_engine import ScriptedEngine

TOTAL = 18_823_855_888


class HeldLoader:
    """Loads a part and waits, until it is let go on or told to stop."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine(steps=2)
        self.may_end = Event()
        self.was_cancelled = False

    def __call__(self, loading: Loading) -> ScriptedEngine:
        loading.report(LoadProgress(0, TOTAL))
        loading.report(LoadProgress(3_200_000_000, TOTAL))
        while not self.may_end.wait(0.01):
            if loading.cancelled.is_set():
                self.was_cancelled = True
                raise LoadCancelled("loading was cancelled")
        return self.engine


async def test_bytes_seconds_and_rate_are_seen_before_and_after_a_prompt_is_sent(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        await chat.until(lambda: "loading 3.2 of 18.8 GB · " in chat.screen_text)
        await chat.until(lambda: "GB/s" in chat.screen_text)
        await chat.send("hello")
        await chat.until(lambda: bool(chat.answers) and "loading 3.2 of 18.8 GB · " in chat.screen_text)
        loader.may_end.set()
        await chat.until_settled()
        assert loader.engine.requests[0].messages[-1].text == "hello"


async def test_esc_in_an_empty_box_stops_the_loading_and_says_so(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        await chat.until(lambda: "stop loading" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: "loading was cancelled" in chat.said)
        assert loader.was_cancelled
        assert "stop loading" not in chat.screen_text
        await chat.send("hello")
        await chat.until(lambda: chat.box.text == "hello")


async def test_esc_does_not_stop_the_loading_while_something_is_typed(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        await chat.type("hi")
        await chat.pilot.press("escape")
        assert "stop loading" not in chat.screen_text
        loader.may_end.set()
        await chat.until(lambda: chat.session.info is not None)
        assert not loader.was_cancelled


async def test_esc_with_a_prompt_on_its_way_takes_back_the_prompt_and_goes_on_loading(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        await chat.send("never mind")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.box.text == "never mind")
        assert not chat.session.loading.cancelled.is_set()
        loader.may_end.set()
        await chat.until(lambda: chat.session.info is not None)
