"""The chat as a reader meets it: sending, watching, stopping, failing."""

from __future__ import annotations

import re
import time
from threading import Event
from time import monotonic

import pytest
from textual import events
from textual.geometry import Size

from dgchat.engine.events import GenerationRequest, Prefilling, SamplerConfig
from dgchat.errors import DgchatError
from dgchat.session.loading import Loading
from dgchat.settings import Settings
from dgchat.ui.widgets.answer_text import AnswerText
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.live_canvas import LiveCanvas
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.user_message import UserMessage
from scripted_engine import ANSWER, ScriptedEngine


async def test_a_prompt_is_answered_and_ends_as_markdown(open_chat):
    async with open_chat(ScriptedEngine(steps=3)) as chat:
        await chat.type("Who?")
        await chat.pilot.press("enter")
        await chat.until_settled()
        assert chat.app.chat.query_one(AnswerText).source == ANSWER
        assert "Who?" in chat.said
        assert "3 steps" in chat.said
        assert not chat.app.chat.query(LiveCanvas)
        assert chat.box.text == ""


async def test_a_model_that_was_chosen_for_the_reader_is_named_in_the_welcome(open_chat):
    async with open_chat(ScriptedEngine(choice="someone/tiny fits: needs 1 GB, 9 GB free")) as chat:
        await chat.until(lambda: "someone/tiny fits: needs 1 GB, 9 GB free" in chat.screen_text)
        assert "ready in" in chat.screen_text


@pytest.mark.parametrize("steps", [2, 12])
async def test_every_step_of_a_fast_answer_is_drawn_and_seen_for_half_a_second(open_chat, steps):
    async with open_chat(ScriptedEngine(steps=steps, step_seconds=0.001), Settings()) as chat:
        sent = monotonic()
        await chat.send("quick")
        await chat.until_settled()
        assert monotonic() - sent >= 0.5
        assert chat.answers[0].num_drawn_steps == steps
        stats = chat.session.turns[0].finished.stats
        assert stats.prefill_seconds + stats.denoise_seconds < 0.1


async def test_any_key_ends_the_trail(open_chat):
    async with open_chat(ScriptedEngine(steps=12), Settings()) as chat:
        await chat.send("quick")
        await chat.until(lambda: chat.session.running is None and chat.answers[0].num_drawn_steps > 0)
        await chat.pilot.press("x")
        await chat.until_settled()
        assert chat.answers[0].num_drawn_steps < 12
        assert chat.box.text == "x"


async def test_the_same_seed_gives_the_same_bytes_with_the_screen_on_and_off(open_chat):
    sampler = SamplerConfig(max_denoising_steps=48)
    off = ScriptedEngine(answer=None).generate(
        GenerationRequest((), max_new_tokens=128, sampler=sampler, seed=11), lambda event: None, Event()
    )
    async with open_chat(ScriptedEngine(answer=None), Settings(seed=11)) as chat:
        await chat.send("hello")
        await chat.until_settled()
        assert chat.session.turns[0].text.encode() == off.text.encode()


async def test_esc_keeps_the_draft_and_says_where_it_stopped(open_chat):
    async with open_chat(ScriptedEngine(steps=48, step_seconds=0.02)) as chat:
        await chat.send("a long one")
        await chat.until(lambda: len(chat.session.running.trace) > 4)
        await chat.pilot.press("escape")
        await chat.until_settled()
        turn = chat.session.turns[0]
        assert f"stopped at {turn.stopped_at}" in chat.said
        assert chat.app.chat.query_one(AnswerText).source == turn.text != ""
        assert chat.box.text == ""
        assert chat.box.has_focus


async def test_esc_before_the_first_step_gives_the_prompt_back(open_chat):
    async with open_chat(ScriptedEngine(prefill_seconds=8)) as chat:
        await chat.send("never mind")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.session.running is None)
        await chat.until(lambda: chat.box.text == "never mind")
        assert chat.session.turns == []


async def test_an_empty_prompt_sends_nothing_and_says_so(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.pilot.press("enter", "space", "enter")
        assert engine.requests == []
        assert chat.hint == "nothing to send yet"


@pytest.mark.parametrize("at_step", [1, 5])
async def test_a_failing_engine_is_one_line_and_the_prompt_returns(open_chat, at_step):
    engine = ScriptedEngine(
        fail_at_step=at_step, error=DgchatError("[b]Out of memory[/].", hint="Use fewer tokens.")
    )
    async with open_chat(engine) as chat:
        await chat.send("too much")
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))
        assert "[b]Out of memory[/]. Use fewer tokens." in chat.said
        assert chat.box.text == "too much"
        assert [asked.prompt for asked in chat.app.chat.query(UserMessage)] == ["too much"]
        assert not chat.answers
        engine.fail_at_step = None
        await chat.pilot.press("enter")
        await chat.until_settled()
        assert chat.session.turns[0].text == ANSWER


async def test_a_failure_does_not_overwrite_what_is_being_typed(open_chat):
    async with open_chat(ScriptedEngine(fail_at_step=1, prefill_seconds=1.0)) as chat:
        await chat.send("first")
        chat.box.replace_text("next")
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))
        assert chat.box.text == "next"
        assert chat.app.chat.query(UserMessage)


async def test_typing_while_the_model_loads_shows_at_once_and_is_answered_later(open_chat):
    engine, loaded = ScriptedEngine(steps=2), Event()

    def load(loading: Loading) -> ScriptedEngine:
        loaded.wait(10)
        return engine

    async with open_chat(load, loaded=False) as chat:
        started = monotonic()
        await chat.pilot.press("h")
        assert monotonic() - started < 0.5
        assert chat.box.text == "h"
        assert "loading the model" in chat.screen_text
        await chat.pilot.press("i", "enter")
        await chat.until(lambda: "loading the model" in chat.screen_text)
        loaded.set()
        await chat.until_settled()
        assert engine.requests[0].messages[-1].text == "hi"


async def test_a_model_that_cannot_be_loaded_is_told_and_nothing_is_lost(open_chat):
    def load(loading: Loading) -> ScriptedEngine:
        raise DgchatError("There is no folder here.", hint="give --model")

    async with open_chat(load, loaded=False) as chat:
        await chat.until(lambda: "There is no folder here. give --model" in chat.said)
        await chat.send("hello")
        await chat.until(lambda: chat.box.text == "hello")


async def test_a_busy_chat_keeps_the_next_prompt_in_the_box(open_chat):
    engine = ScriptedEngine(step_seconds=0.05)
    async with open_chat(engine) as chat:
        await chat.send("one")
        await chat.send("two")
        assert chat.box.text == "two"
        assert "still being written" in chat.hint
        await chat.pilot.press("escape")
        await chat.until_settled()
        assert len(engine.requests) == 1


async def test_left_out_history_is_one_dim_line(open_chat):
    async with open_chat(ScriptedEngine(steps=1, dropped_turns=3)) as chat:
        await chat.send("and now?")
        await chat.until_settled()
        assert chat.said.count("the 3 oldest turns were left out") == 1


async def test_left_out_history_is_said_once_in_a_conversation_until_much_more_is_left_out(open_chat):
    engine = ScriptedEngine(steps=1)
    async with open_chat(engine, size=(80, 50)) as chat:
        for number, engine.dropped_turns in enumerate((0, 1, 2, 10, 11, 12), start=1):
            await chat.send("and now?")
            await chat.until_settled(number)
        told = [line for line in chat.said.splitlines() if "left out" in line]
        assert [line.partition(" left")[0] for line in told] == [
            "the oldest turn was",
            "the 11 oldest turns were",
        ]
        await chat.send("/new")
        await chat.send("and here?")
        await chat.until_settled()
        assert chat.said.count("the 12 oldest turns were left out") == 1
        await chat.send("/stats")
        await chat.until(lambda: "the 12 oldest turns were left out" in chat.screen_text)


async def test_a_cut_answer_says_so(open_chat):
    async with open_chat(ScriptedEngine(answer="word " * 200, steps=1), Settings(max_tokens=32)) as chat:
        await chat.send("go on")
        await chat.until_settled()
        assert "cut at its limit of 32 tokens" in chat.said


async def test_a_long_answer_shows_its_canvases_one_after_the_other(open_chat):
    async with open_chat(
        ScriptedEngine(answer=" ".join(["tide"] * 60), steps=4, step_seconds=0.05), Settings()
    ) as chat:
        await chat.send("more")
        await chat.until(lambda: "canvas 2/4" in chat.screen_text and "┄┄┄" in chat.screen_text)
        await chat.until_settled()
        assert chat.answers[0].num_drawn_steps == 8


async def test_without_motion_a_canvas_is_shown_once_it_is_settled(open_chat):
    engine = ScriptedEngine(answer=" ".join(["tide"] * 60), steps=4, step_seconds=0.05)
    async with open_chat(engine, Settings(motion="off")) as chat:
        await chat.send("calmly")
        await chat.until(lambda: "1 of at most 4 canvases settled" in chat.screen_text)
        assert not chat.app.chat.query(LiveCanvas)
        await chat.until_settled()
        assert chat.answers[0].num_drawn_steps == 0


MARKUP = ("[b]x[/b]", "[/", "[ @click=app.quit]x", "[$x @click=app.quit]y", "a [link=x]", "$text {} %s")


@pytest.mark.parametrize("text", MARKUP)
async def test_markup_is_shown_letter_for_letter(open_chat, text):
    async with open_chat(ScriptedEngine(answer=text, steps=1)) as chat:
        await chat.send(text)
        await chat.until_settled()
        assert chat.screen_text.count(text) == 2 + (chat.app.chat.query_one("TitleBar").topic == text)


async def test_a_paste_is_inserted_and_its_escapes_are_marks(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        chat.app.post_message(events.Paste("one\r\ntwo\x1b[2J\x1b\r"))
        await chat.until(lambda: chat.box.text != "")
        assert chat.box.text == "one\ntwo␛[2J␛\n"
        assert engine.requests == []


async def test_hostile_text_reaches_no_row_of_the_screen(open_chat):
    hostile = "\x1b]52;c;aGk=\x07 \u202eevil \x9b31m"
    async with open_chat(ScriptedEngine(answer=hostile, steps=2), Settings()) as chat:
        await chat.send("say it")
        await chat.until(lambda: bool(chat.answers) and chat.answers[0].num_drawn_steps == 2)
        live = chat.screen_text
        await chat.until_settled()
        for text in (live, chat.screen_text):
            assert not set(text) & set("\x1b\x07\u202e\x9b")
        assert "␛]52" in chat.screen_text


async def test_new_lines_are_typed_with_three_keys(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press("a", "shift+enter", "b", "ctrl+j", "c", "alt+enter", "d")
        assert chat.box.text == "a\nb\nc\nd"


async def test_up_and_down_walk_through_sent_prompts(open_chat):
    async with open_chat(ScriptedEngine(steps=1)) as chat:
        await chat.send("first")
        await chat.until_settled(1)
        await chat.send("second")
        await chat.until_settled(2)
        await chat.pilot.press("up", "up")
        assert chat.box.text == "first"
        await chat.pilot.press("down", "down")
        assert chat.box.text == ""


async def test_sliders_act_on_the_next_turn(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.pilot.press("tab", "home", "1", "6", "tab", "right", "escape")
        assert chat.box.has_focus
        assert "160 · 5 canvases" in chat.screen_text
        await chat.send("go")
        await chat.until_settled()
        assert engine.requests[0].sampler.max_denoising_steps == 16
        assert engine.requests[0].max_new_tokens == 160
        assert "est ≤" in chat.screen_text


async def test_a_window_that_grows_shows_the_whole_estimate_again(open_chat):
    async with open_chat(ScriptedEngine(steps=4), size=(120, 40)) as chat:
        await chat.send("hello")
        await chat.until_settled()
        await chat.pilot.resize_terminal(20, 5)
        await chat.until(lambda: "enter send" not in chat.screen_text)
        await chat.pilot.resize_terminal(120, 40)
        await chat.until(lambda: re.search(r"est ≤ .* tok/s", chat.screen_text))


async def test_a_size_that_is_back_before_it_was_followed_is_drawn_anew(open_chat, monkeypatch):
    async with open_chat(ScriptedEngine(), size=(80, 24)) as chat:
        drawn: list[object] = []
        monkeypatch.setattr(chat.app.chat, "refresh", lambda *regions, **how: drawn.append(regions))
        chat.app.post_message(events.Resize(Size(80, 24), Size(80, 24)))
        await chat.until(lambda: () in drawn)


async def test_a_size_that_is_told_when_the_screens_have_gone_is_no_crash(open_chat):
    async with open_chat(ScriptedEngine(), size=(80, 24)) as chat:
        app = chat.app
    with app._context():
        app.on_resize(events.Resize(Size(80, 24), Size(80, 24)))


async def test_keys_behind_the_one_that_quits_are_no_crash(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        for key in ("a", "ctrl+q", *"bcdefgh", "tab", "x", "enter", "f2", "y"):
            chat.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_ctrl_c_clears_the_prompt_and_twice_quits(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.type("oops")
        await chat.pilot.press("ctrl+c")
        assert chat.box.text == ""
        await chat.pilot.press("ctrl+c")
        await chat.until(lambda: not chat.app.is_running)


async def test_ctrl_c_copies_a_selection_before_anything_else(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.type("copy me")
        chat.box.select_all()
        await chat.pilot.press("ctrl+c")
        assert chat.app.clipboard == "copy me"
        assert chat.box.text == "copy me"


@pytest.mark.parametrize("key", ["ctrl+d", "ctrl+q"])
async def test_an_empty_prompt_can_be_left(open_chat, key):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press(key)
        await chat.until(lambda: not chat.app.is_running)


async def test_quitting_does_not_wait_for_a_model_that_loads(open_chat):
    started = monotonic()
    async with open_chat(lambda loading: time.sleep(30), loaded=False) as chat:
        await chat.pilot.press("ctrl+q")
    assert monotonic() - started < 5


@pytest.mark.parametrize("key", ["f1", "question_mark"])
async def test_help_opens_and_closes(open_chat, key):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press(key)
        await chat.until(lambda: "what the canvas shows" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.app.chat)
        assert chat.box.text == ""


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16), (40, 12), (20, 5), (8, 3)])
async def test_every_size_shows_an_answer_without_a_row_too_wide(open_chat, size):
    async with open_chat(ScriptedEngine(steps=2), Settings(), size=size) as chat:
        await chat.send("hello there")
        await chat.until(lambda: bool(chat.answers) and chat.answers[0].num_drawn_steps > 0)
        assert all(len(row) <= size[0] for row in chat.screen_text.splitlines())
        await chat.pilot.resize_terminal(size[0] + 7, size[1] + 3)
        await chat.until_settled()
        assert chat.session.turns[0].text == ANSWER


async def test_no_color_changes_nothing_but_the_colours(open_chat, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_chat(ScriptedEngine(steps=4, step_seconds=0.02)) as chat:
        await chat.send("grey?")
        await chat.until_settled()
        await chat.pilot.press("f1")
        await chat.pilot.press("escape", "ctrl+p")
        await chat.until(lambda: "/clear" in chat.screen_text)


async def test_the_page_stays_light_however_long_the_conversation(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        for number in range(70):
            await chat.app.chat.say(Notice(f"line {number}"))
        assert len(chat.app.chat.query(Notice)) <= 62
        assert "line 69" in chat.said


async def test_a_reader_who_scrolled_up_is_not_moved(open_chat):
    async with open_chat(ScriptedEngine(steps=4, step_seconds=0.05), size=(60, 16)) as chat:
        for number in range(30):
            await chat.app.chat.say(Notice(f"line {number}"))
        await chat.send("more")
        await chat.until(lambda: bool(chat.answers) and chat.answers[0].num_drawn_steps > 0)
        await chat.pilot.press("pageup", "pageup")
        await chat.pilot.pause()
        transcript = chat.app.chat.query_one("Transcript")
        reading_at = transcript.scroll_offset.y
        await chat.until_settled()
        assert transcript.scroll_offset.y == reading_at
        assert "new below" in chat.screen_text
        assert isinstance(chat.answers[0], AnswerView)


async def test_a_thought_is_folded_above_the_answer(open_chat):
    async with open_chat(ScriptedEngine(steps=1, thought="The [b]moon[/b]?")) as chat:
        await chat.send("why")
        await chat.until_settled()
        assert "thought, 2 words" in chat.screen_text
        assert "[b]moon[/b]" not in chat.screen_text
        await chat.pilot.click("CollapsibleTitle")
        await chat.until(lambda: "The [b]moon[/b]?" in chat.screen_text)


async def test_what_is_typed_right_after_enter_stays(open_chat):
    async with open_chat(ScriptedEngine(step_seconds=0.05)) as chat:
        await chat.pilot.press("a", "enter", "b", "c")
        assert chat.box.text == "bc"


async def test_a_second_enter_does_not_run_a_command_twice(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        for number, prompt in enumerate(("one", "two"), start=1):
            await chat.send(prompt)
            await chat.until_settled(number)
        chat.box.replace_text("/undo")
        await chat.pilot.press("enter", "enter")
        await chat.pilot.pause()
        await chat.until(lambda: chat.session.running is None)
        assert chat.session.turns[0].prompt == "one"


async def test_up_moves_through_a_wrapped_prompt_before_it_leaves_it(open_chat):
    async with open_chat(ScriptedEngine(), size=(40, 24)) as chat:
        await chat.send("earlier")
        await chat.until_settled()
        chat.box.replace_text("word " * 15)
        await chat.pilot.press("up")
        assert chat.box.text == "word " * 15
        await chat.pilot.press("up", "up")
        assert chat.box.text == "earlier"


async def test_a_retried_turn_is_undone_with_both_its_answers(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("hello")
        await chat.until_settled()
        await chat.send("/retry")
        await chat.until_settled(2)
        await chat.send("/undo")
        await chat.until(lambda: not chat.answers)
        assert not chat.app.chat.query(UserMessage)


async def test_a_retry_stopped_before_its_first_step_leaves_the_answer_as_it_was(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("hello")
        await chat.until_settled()
        engine.prefill_seconds = 0.3
        await chat.send("/retry")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.session.running is None)
        await chat.pilot.pause()
        assert not chat.answers[0].has_class("-replaced")
        assert chat.box.text == ""


async def test_a_small_screen_shows_what_a_command_says(open_chat):
    async with open_chat(ScriptedEngine(), size=(40, 12)) as chat:
        await chat.send("/foo")
        assert "no command /foo" in chat.screen_text


async def test_esc_on_a_slider_only_leaves_the_slider(open_chat):
    async with open_chat(ScriptedEngine(step_seconds=0.4)) as chat:
        await chat.send("hello")
        await chat.pilot.press("tab", "escape")
        assert chat.box.has_focus
        assert chat.session.running
        assert not chat.session.running.cancelled.is_set()


async def test_a_narrower_window_keeps_every_word_of_finished_canvases(open_chat):
    words = [f"word{number}" for number in range(60)]
    engine = ScriptedEngine(answer=" ".join(words), step_seconds=0.05)
    async with open_chat(engine, size=(120, 40)) as chat:
        await chat.send("hello")
        await chat.until(
            lambda: chat.session.running is not None and len(chat.session.running.committed) >= 1
        )
        first = chat.session.running.committed[0].text.split()
        await chat.until(lambda: chat.answers[0]._canvas._finished)
        await chat.pilot.resize_terminal(50, 40)
        await chat.pilot.pause(0.1)
        assert [word for word in first if word not in chat.screen_text] == []


async def test_without_motion_the_seconds_of_a_phase_go_on(open_chat):
    settings = Settings(pace="live", motion="off")
    async with open_chat(ScriptedEngine(prefill_seconds=3), settings) as chat:
        await chat.send("hello")
        await chat.until(lambda: "reading the prompt · 1." in chat.screen_text)
        await chat.pilot.press("escape")


@pytest.mark.parametrize("motion", ["full", "off"])
async def test_while_a_long_prompt_is_read_its_tokens_are_counted(open_chat, motion):
    engine = ScriptedEngine(prefill_seconds=30, prefilling=Prefilling(1_024, 8_192))
    async with open_chat(engine, Settings(pace="live", motion=motion)) as chat:
        await chat.send("hello")
        await chat.until(lambda: "reading 1,024 of 8,192 tokens · " in chat.screen_text)
        assert "reading the prompt" not in chat.screen_text
        await chat.pilot.press("escape")


async def test_a_paste_keeps_the_letters_that_only_a_terminal_cannot_show(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        chat.box.focus()
        chat.app.post_message(
            events.Paste("\u0645\u06cc\u200c\u062e\u0648\u0627 \U0001f44d\U0001f3fd\ta\x07")
        )
        await chat.until(lambda: "a" in chat.box.text)
        assert chat.box.text == "\u0645\u06cc\u200c\u062e\u0648\u0627 \U0001f44d\U0001f3fd\ta\u2407"
