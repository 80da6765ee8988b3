"""The wait for a large model: what is seen of it, and the way out."""

from __future__ import annotations

from threading import Event

from dgchat.engine.events import LoadProgress
from dgchat.errors import DgchatError, LoadCancelled
from dgchat.session.loading import Loading
from scripted_engine import ScriptedEngine

TOTAL = 18_823_855_888


class HeldLoader:
    """Loads a part and waits, until it is let go on or told to stop."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine(steps=2)
        self.may_end = Event()
        self.was_cancelled = False
        self.num_begun = 0

    def __call__(self, loading: Loading) -> ScriptedEngine:
        self.num_begun += 1
        loading.take_plan("memory: 20.5 GB for a context of 32,768 tokens; 23.1 GB free")
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


async def test_the_memory_it_takes_is_seen_while_it_loads_and_gone_when_it_is_there(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        await chat.until(lambda: "context of 32,768 tokens; 23.1 GB free" in chat.screen_text)
        loader.may_end.set()
        await chat.until(lambda: "ready in" in chat.screen_text)
        assert "memory:" not in chat.screen_text


async def test_esc_in_an_empty_box_stops_the_loading_and_says_so(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        await chat.until(lambda: "stop loading" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: "loading was cancelled" in chat.said)
        assert loader.was_cancelled
        assert "Send a prompt or /retry to load it again." in chat.said
        await chat.until(lambda: "stop loading" not in chat.screen_text)
        assert loader.num_begun == 1


async def cancel_loading(chat) -> None:
    await chat.until(lambda: "stop loading" in chat.screen_text)
    await chat.pilot.press("escape")
    await chat.until(lambda: "loading was cancelled" in chat.said)


async def test_a_prompt_after_that_loads_the_model_again_and_is_answered(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        await cancel_loading(chat)
        await chat.send("hello")
        await chat.until(lambda: bool(chat.answers) and "loading 3.2 of 18.8 GB · " in chat.screen_text)
        assert loader.num_begun == 2
        loader.may_end.set()
        await chat.until_settled()
        assert [turn.prompt for turn in chat.session.turns] == ["hello"]
        assert chat.session.load_error is None


async def test_retry_after_that_loads_the_model_again_in_sight_and_can_be_stopped_again(open_chat):
    loader = HeldLoader()
    async with open_chat(loader, loaded=False) as chat:
        for num_begun in (2, 3):
            await cancel_loading(chat)
            await chat.send("/retry")
            await chat.until(lambda: "loading 3.2 of 18.8 GB · " in chat.screen_text)
            assert "loading was cancelled" not in chat.said
            assert loader.num_begun == num_begun
        loader.may_end.set()
        await chat.until(lambda: "ready in" in chat.screen_text)
        await chat.send("hello")
        await chat.until_settled()


async def test_what_kept_the_model_from_loading_may_be_mended_before_the_next_prompt(open_chat):
    problems = [DgchatError("It does not fit."), DgchatError("It still does not fit.")]

    def load(loading: Loading) -> ScriptedEngine:
        if problems:
            raise problems.pop(0)
        return ScriptedEngine(steps=2)

    async with open_chat(load, loaded=False) as chat:
        await chat.until(lambda: "It does not fit." in chat.said)
        await chat.send("hello")
        await chat.until(lambda: chat.box.text == "hello" and "It still does not fit." in chat.said)
        assert chat.said.count("It still does not fit.") == 1
        await chat.pilot.press("enter")
        await chat.until_settled()


async def test_a_prompt_that_is_sent_while_the_loading_is_being_stopped_stays_in_the_box(open_chat):
    has_stopped = Event()

    def load(loading: Loading) -> ScriptedEngine:
        loading.cancelled.wait(10)
        has_stopped.wait(10)
        raise LoadCancelled("loading was cancelled")

    async with open_chat(load, loaded=False) as chat:
        await chat.pilot.press("escape")
        await chat.send("hello")
        await chat.until(lambda: "still being stopped" in chat.hint)
        assert chat.box.text == "hello"
        has_stopped.set()
        await chat.until(lambda: "loading was cancelled" in chat.said)


async def test_without_a_model_a_command_that_needs_one_says_how_to_load_it(open_chat):
    async with open_chat(HeldLoader(), loaded=False) as chat:
        await cancel_loading(chat)
        await chat.send("/steps 3")
        await chat.until(lambda: "There is no model. /retry loads it again" in chat.said)


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
