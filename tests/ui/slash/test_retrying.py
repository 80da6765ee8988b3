"""/retry: again, the same again, and two answers beside each other."""

from __future__ import annotations

import pytest

from dgchat.errors import DgchatError
from dgchat.session.word_diff import Span, word_diff
from dgchat.settings import Settings
from dgchat.ui.screens.compare import CompareScreen
from dgchat.ui.widgets.answer_text import AnswerText
from dgchat.ui.widgets.compared_answer import mark_words
from dgchat.ui.widgets.user_message import UserMessage
from scripted_engine import ANSWER, ScriptedEngine


async def answered(chat, prompt: str = "hello") -> None:
    await chat.send(prompt)
    await chat.until_settled()


async def compared(chat, typed: str = "/retry 5") -> None:
    """Send the command and wait until there is a choice."""
    await chat.send(typed)
    await chat.until(lambda: "keep the new" in chat.screen_text)


async def test_retry_answers_the_same_prompt_with_a_fresh_seed(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await answered(chat)
        await chat.send("/retry")
        await chat.until_settled(2)
        assert [request.messages[-1].text for request in engine.requests] == ["hello", "hello"]
        assert engine.requests[0].seed != engine.requests[1].seed
        assert len(engine.requests[1].messages) == 1
        assert len(chat.session.turns) == 1


async def test_retry_same_gives_the_same_bytes(open_chat):
    engine = ScriptedEngine(answer=None)
    async with open_chat(engine) as chat:
        await answered(chat)
        first = chat.session.turns[0]
        await chat.send("/steps 3")
        await chat.send("/retry same")
        await chat.until_settled(2)
        assert chat.session.turns[0] is not first
        assert chat.session.turns[0].text.encode() == first.text.encode()
        assert engine.requests[0] == engine.requests[1]


@pytest.mark.parametrize(("size", "is_beside"), [((80, 24), False), ((120, 40), True)])
async def test_the_same_seed_at_other_steps_is_compared(open_chat, size, is_beside):
    engine = ScriptedEngine()
    async with open_chat(engine, size=size) as chat:
        await answered(chat)
        first = chat.session.turns[0]
        await compared(chat)
        assert engine.requests[1].seed == engine.requests[0].seed
        assert engine.requests[1].sampler.max_denoising_steps == 5
        text = chat.screen_text
        assert "12 steps" in text
        assert "5 steps" in text
        assert "tokens per forward" in text
        assert "the two answers are the same, byte for byte" in text
        assert any("earlier" in row and "new" in row for row in text.splitlines()[:6]) == is_beside
        assert all(len(row) <= size[0] for row in text.splitlines())
        assert chat.session.turns == [first]
        assert chat.session.steps == 48


@pytest.mark.parametrize("key", ["left", "escape"])
async def test_the_earlier_answer_stays_until_the_new_one_is_chosen(open_chat, key):
    async with open_chat(ScriptedEngine()) as chat:
        await answered(chat)
        first = chat.session.turns[0]
        await compared(chat)
        await chat.pilot.press(key)
        await chat.until(lambda: chat.app.screen is chat.app.chat)
        assert chat.session.turns == [first]
        assert len(chat.answers) == 1
        assert not chat.answers[0].has_class("-replaced")
        assert "earlier answer stays" in chat.hint


async def test_the_new_answer_takes_the_place_of_the_earlier_one(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await answered(chat)
        first = chat.session.turns[0]
        engine.answer = "Something else."
        await compared(chat)
        await chat.pilot.press("right")
        await chat.until(lambda: chat.app.screen is chat.app.chat and chat.session.turns != [first])
        await chat.until(lambda: [view.turn for view in chat.answers] == chat.session.turns)
        assert chat.app.chat.query_one(AnswerText).source == "Something else."
        assert len(chat.app.chat.query(UserMessage)) == 1
        await chat.send("/undo")
        await chat.until(lambda: not chat.answers)
        assert not chat.app.chat.query(UserMessage)


async def test_words_of_one_answer_alone_are_underlined_and_counted(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await answered(chat)
        engine.answer = ANSWER.replace("moon", "sun[/]")
        await compared(chat)
        share = word_diff(ANSWER, engine.answer).shared_fraction
        assert 0.8 < share < 1
        assert f"{share:.0%} of the words are in both; the others are underlined" in chat.screen_text
        assert "sun[/]" in chat.screen_text


def test_the_mark_is_not_colour_alone():
    marked = mark_words([Span("the", True), Span(" moon ", False)])
    assert marked.plain == "the moon "
    assert [(span.start, "underline" in str(span.style)) for span in marked.spans] == [(4, True)]


async def test_esc_stops_the_new_answer_first_and_its_draft_is_compared(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await answered(chat)
        engine.step_seconds = 0.05
        await chat.send("/retry 40")
        await chat.until(lambda: chat.session.running is not None and len(chat.session.running.trace) > 2)
        await chat.pilot.press("right", "left")
        assert isinstance(chat.app.screen, CompareScreen)
        await chat.pilot.press("escape")
        await chat.until(lambda: "keep the new" in chat.screen_text)
        assert "stopped at" in chat.screen_text
        assert isinstance(chat.app.screen, CompareScreen)


async def test_an_engine_that_fails_leaves_the_earlier_answer_and_says_so(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await answered(chat)
        engine.fail_at_step, engine.error = 2, DgchatError("Out of memory.")
        await chat.send("/retry 5")
        await chat.until(lambda: "Out of memory." in chat.said)
        assert chat.app.screen is chat.app.chat
        assert len(chat.session.turns) == 1
        engine.fail_at_step = None
        await compared(chat)


async def test_without_motion_two_answers_are_compared_as_well(open_chat):
    async with open_chat(ScriptedEngine(), Settings(pace="live", motion="off")) as chat:
        await answered(chat)
        await compared(chat)
        await chat.pilot.press("right")
        await chat.until(lambda: chat.app.screen is chat.app.chat)


@pytest.mark.parametrize("typed", ["/retry 0", "/retry 49", "/retry sane", "/retry"])
async def test_what_cannot_be_retried_is_told(open_chat, typed):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        if typed != "/retry":
            await answered(chat)
        await chat.send(typed)
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))
        assert len(engine.requests) == (typed != "/retry")
