"""A page that holds a long conversation."""

from __future__ import annotations

from functools import partial
from time import process_time

import pytest
from textual.widget import Widget

from dgchat.engine.events import Finished, FinishReason, GenerationStats
from dgchat.session.turn import Turn, TurnSettings
from dgchat.settings import Settings
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.live_canvas import LiveCanvas
from dgchat.ui.widgets.transcript import MAX_MOUNTED, REST_SECONDS, Transcript
from dgchat.ui.widgets.user_message import UserMessage
from made_up_trace import made_up_trace
from replaying_engine import ReplayingEngine
from scripted_engine import ScriptedEngine

NUM_TURNS = 5_000
"""Ten thousand messages."""


def past_turn(number: int) -> Turn:
    turn = Turn(f"question {number}", TurnSettings(seed=number))
    turn.finished = Finished(f"answer {number}", "", FinishReason.END_OF_TURN, GenerationStats())
    return turn


async def resume(chat, num_turns: int = NUM_TURNS) -> Transcript:
    """Show a conversation as one that was stored is shown."""
    screen = chat.app.chat

    def views_of(number: int) -> list[Widget]:
        turn = past_turn(number)
        return [UserMessage(turn.prompt), screen.view_of(turn)]

    await screen.remove_welcome()
    transcript = screen.query_one(Transcript)
    await transcript.show([partial(views_of, number) for number in range(num_turns)])
    await chat.until(lambda: f"answer {num_turns - 1}" in chat.screen_text)
    return transcript


def mounted(transcript: Transcript) -> int:
    return len(transcript.query("UserMessage, AnswerView"))


async def test_ten_thousand_messages_show_their_end_within_a_second_and_a_half(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        began = process_time()
        transcript = await resume(chat)
        assert process_time() - began <= 1.5
        assert mounted(transcript) <= MAX_MOUNTED
        assert transcript.is_at_end


LONG = "\n\n".join(["Count:", *map(str, range(8)), "and so on."])


def blank_rows_above_the_foot(chat) -> int:
    rows = chat.screen_text.partition(" ───")[0].splitlines()
    return next(number for number, row in enumerate(reversed(rows)) if row.strip())


async def settle_shorter(chat) -> None:
    """An answer that has become shorter on a page that it does not fit on."""
    await chat.send("count for me, please")
    await chat.until(lambda: bool(chat.answers) and chat.answers[0].num_drawn_steps > 0)
    canvas = chat.answers[0].query_one(LiveCanvas)
    canvas._num_rows = 30  # it never becomes less high
    canvas.styles.height = 30
    await chat.until(lambda: canvas.size.height == 30)
    await chat.until_settled()


async def test_the_page_glides_up_to_an_answer_that_became_shorter(open_chat):
    engine = ScriptedEngine(answer=LONG, steps=8, step_seconds=0.05)
    async with open_chat(engine, Settings(pace="live")) as chat:
        await settle_shorter(chat)
        await chat.until(lambda: "and so on." in chat.screen_text and blank_rows_above_the_foot(chat) == 1)
        assert chat.app.chat.query_one(Transcript).is_at_end


async def test_where_nothing_moves_the_page_stands_until_the_next_key(open_chat):
    engine = ScriptedEngine(answer=LONG, steps=8, step_seconds=0.3)
    async with open_chat(engine, Settings(pace="live", motion="calm")) as chat:
        await settle_shorter(chat)
        await chat.pilot.pause(3 * REST_SECONDS)
        assert blank_rows_above_the_foot(chat) > 1
        await chat.pilot.press("x")
        await chat.until(lambda: "and so on." in chat.screen_text and blank_rows_above_the_foot(chat) == 1)


async def test_a_step_beneath_ten_thousand_messages_takes_at_most_16_milliseconds(open_chat, monkeypatch):
    spent: list[float] = []
    show_frame = AnswerView._show_frame

    def timed(view: AnswerView) -> None:
        began = process_time()
        show_frame(view)
        spent.append(process_time() - began)

    monkeypatch.setattr(AnswerView, "_show_frame", timed)
    async with open_chat(lambda _: ReplayingEngine([made_up_trace()], 0.05), Settings(pace="live")) as chat:
        transcript = await resume(chat)
        for _ in range(20):
            transcript.turn_page(-1)
            await chat.pilot.pause()
        await chat.send("and now?")
        await chat.until_settled(len(chat.answers))
        assert sorted(spent)[len(spent) * 95 // 100] <= 0.016
        assert mounted(transcript) <= MAX_MOUNTED


async def test_scrolling_up_brings_older_messages_and_moves_nothing(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        transcript = await resume(chat, 100)
        seen = set()
        for _ in range(40):
            before = chat.screen_text.splitlines()
            top = transcript.scroll_offset.y
            transcript.scroll_to(y=max(0, top - 3), animate=False)
            await chat.pilot.pause()
            await chat.pilot.pause()
            after = chat.screen_text.splitlines()
            assert mounted(transcript) <= MAX_MOUNTED
            seen |= {row for row in after if "answer" in row}
            if top >= 3:
                assert [row[:70] for row in before[2:10]] == [row[:70] for row in after[5:13]]
        assert len(seen) > 20


async def test_one_can_scroll_to_the_very_first_message_and_back_to_the_last(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        transcript = await resume(chat, 60)
        await _turn_until(chat, transcript, -1, "question 0")
        assert mounted(transcript) <= MAX_MOUNTED
        assert not transcript.is_at_end
        await _turn_until(chat, transcript, 1, "answer 59")
        await chat.pilot.press("pagedown", "pagedown")
        await chat.until(lambda: transcript.is_at_end)


async def test_a_new_prompt_returns_to_the_end_from_far_above(open_chat):
    async with open_chat(ScriptedEngine(steps=2)) as chat:
        transcript = await resume(chat, 60)
        await _turn_until(chat, transcript, -1, "question 3")
        await chat.send("one more")
        await chat.until(lambda: "one more" in chat.screen_text and bool(chat.session.turns))
        await chat.until(lambda: transcript.is_at_end)
        assert mounted(transcript) <= MAX_MOUNTED


@pytest.mark.parametrize("key", ["pageup", "pagedown"])
async def test_an_empty_page_can_be_turned(open_chat, key):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press(key)
        assert chat.app.is_running


async def test_the_top_of_an_answer_stays_where_it_is_when_it_settles(open_chat):
    engine = ReplayingEngine([made_up_trace()], 0.02)
    async with open_chat(lambda _: engine, Settings(pace="live"), size=(100, 40)) as chat:
        await resume(chat, 30)
        await chat.send("tides?")
        tops: list[int] = []

        def is_settled() -> bool:
            rows = chat.screen_text.splitlines()[1:]
            tops.extend(number for number, row in enumerate(rows) if "tides?" in row)
            return any("cut at its limit" in row for row in rows)

        await chat.until(is_settled)
        await chat.pilot.pause()
        is_settled()
        assert len(set(tops[-8:])) == 1


async def _turn_until(chat, transcript: Transcript, direction: int, text: str) -> None:
    for _ in range(200):
        if text in chat.screen_text:
            return
        transcript.turn_page(direction)
        await chat.pilot.pause(0.02)
    raise AssertionError(f"{text!r} was never seen")
