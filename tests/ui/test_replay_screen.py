"""Looking at an answer once more, key by key."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from textual.widgets import Input

from dgchat.replay.canvas_history import CanvasHistory
from dgchat.replay.frames import Spot
from dgchat.settings import Settings
from dgchat.ui.screens.replay import ReplayScreen
from dgchat.ui.screens.replay_keys import BINDINGS, STEP_HINTS
from dgchat.ui.widgets.key_hints import KeyHints
from dgchat.ui.widgets.minds_changed import MindsChanged
from dgchat.ui.widgets.replay_canvas import ReplayCanvas
from dgchat.ui.widgets.replay_track import CARET, ReplayTrack
from dgchat.ui.widgets.token_inspector import NOT_RECORDED
from scripted_engine import ANSWER, ScriptedEngine

THREE_CANVASES = " ".join(f"word{number}" for number in range(80))
STEPS = 12


def replay_of(chat) -> ReplayScreen:
    assert isinstance(chat.app.screen, ReplayScreen)
    return chat.app.screen


async def press(chat, *keys: str) -> ReplayScreen:
    await chat.pilot.press(*keys)
    await chat.pilot.pause()
    return replay_of(chat)


@pytest.fixture
def open_replay(open_chat):
    @asynccontextmanager
    async def open_it(answer: str = ANSWER, *, keys=("alt+r",), size=(80, 24), engine=None, settings=None):
        engine = engine or ScriptedEngine(answer=answer, steps=STEPS)
        async with open_chat(engine, settings, size) as chat:
            await chat.send("hello")
            await chat.until_settled()
            await chat.pilot.press(*keys)
            await chat.until(lambda: isinstance(chat.app.screen, ReplayScreen))
            await chat.pilot.pause()
            yield chat

    return open_it


async def test_alt_r_opens_the_last_answer_at_its_last_step_and_esc_closes_it(open_replay):
    async with open_replay() as chat:
        assert replay_of(chat).index == STEPS - 1
        assert f"step {STEPS}/{STEPS}" in chat.screen_text
        assert [word for word in ANSWER.split() if word not in chat.screen_text] == []
        await chat.pilot.press("escape")
        assert chat.app.screen is chat.app.chat


async def test_the_foot_names_every_key_at_80_columns(open_replay):
    async with open_replay() as chat:
        foot = "\n".join(chat.screen_text.splitlines()[-2:])
        assert [key for key, _ in STEP_HINTS if f"{key} " not in foot] == []


async def test_arrows_comma_and_full_stop_go_step_by_step_home_and_end_to_the_ends(open_replay):
    async with open_replay() as chat:
        for key, index in (
            ("left", 10),
            ("comma", 9),
            ("right", 10),
            ("full_stop", 11),
            ("home", 0),
            ("end", 11),
        ):
            assert (await press(chat, key)).index == index
        await press(chat, "home")
        assert f"step 1/{STEPS}" in chat.screen_text


async def test_a_step_shows_what_was_on_the_canvas_then(open_replay):
    async with open_replay() as chat:
        await press(chat, "home")
        assert ANSWER[:30] not in chat.screen_text
        assert set("░▒▓") & set(chat.screen_text)


async def test_brackets_go_canvas_by_canvas(open_replay):
    async with open_replay(THREE_CANVASES) as chat:
        for key, index in (
            ("left_square_bracket", 2 * STEPS - 1),
            ("left_square_bracket", STEPS - 1),
            ("home", 0),
            ("right_square_bracket", STEPS - 1),
            ("right_square_bracket", 2 * STEPS - 1),
        ):
            assert (await press(chat, key)).index == index
        assert "word63" in chat.screen_text
        assert "word70" not in chat.screen_text


async def test_space_plays_every_step_to_the_end_and_pauses(open_replay):
    async with open_replay(engine=ScriptedEngine(steps=4)) as chat:
        screen = await press(chat, "plus", "plus", "space")
        assert screen.is_playing
        assert "playing" in chat.screen_text
        await chat.until(lambda: not screen.is_playing)
        assert screen.index == 3
        await press(chat, "space", "space")
        assert not screen.is_playing


async def test_minus_and_plus_change_the_pace(open_replay):
    async with open_replay() as chat:
        for keys, shown in ((("minus",), "0.5×"), (("minus", "minus"), "0.25×"), (["plus"] * 5, "4×")):
            await press(chat, *keys)
            assert shown in chat.screen_text


async def test_h_shows_the_map_with_its_legend_and_slash_heat_opens_in_it(open_replay, open_chat):
    async with open_replay() as chat:
        assert "settled at step" not in chat.screen_text
        await press(chat, "h")
        assert "underlined: among the last" in chat.screen_text
        await press(chat, "h")
        assert "settled at step" not in chat.screen_text
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("hello")
        await chat.until_settled()
        await chat.send("/heat")
        await chat.until(lambda: isinstance(chat.app.screen, ReplayScreen))
        await chat.until(lambda: "settled at step" in chat.screen_text)


async def test_the_map_underlines_what_settled_late(open_replay):
    async with open_replay() as chat:
        canvas = replay_of(chat).query_one(ReplayCanvas)
        assert not any(s.style.underline for y in range(3) for s in canvas.render_line(y))
        await press(chat, "h")
        late = [s for y in range(3) for s in canvas.render_line(y) if s.style.underline]
        assert late
        assert all(segment.style.color for segment in late)


async def test_i_tells_of_a_token_and_arrows_move_on(open_replay):
    async with open_replay() as chat:
        await press(chat, "i")
        told = ("inspect", "changed its mind", "settled at step", NOT_RECORDED[:40])
        await chat.until(lambda: all(words in chat.screen_text for words in told))
        first = replay_of(chat)._cursor
        await press(chat, "right")
        assert replay_of(chat)._cursor == Spot(0, first.position + 1)
        await chat.until(lambda: f"position {first.position + 2} of canvas 1" in chat.screen_text)
        assert replay_of(chat).index == STEPS - 1
        await press(chat, "left", "left", "up", "down")
        await press(chat, "i")
        await chat.until(lambda: "position" not in chat.screen_text)


async def test_arrows_cannot_leave_the_canvas(open_replay):
    async with open_replay() as chat:
        await press(chat, "i", *["left"] * 40)
        assert replay_of(chat)._cursor.position == 0
        await press(chat, *["right"] * 40)
        assert replay_of(chat)._cursor.position == 31


async def test_a_click_on_a_token_inspects_it(open_replay):
    async with open_replay() as chat:
        await chat.pilot.click(ReplayCanvas, offset=(3, 0))
        await chat.until(lambda: "position 1 of canvas 1" in chat.screen_text)
        assert "inspect The" in chat.screen_text


async def test_alternatives_are_shown_if_they_were_recorded(open_replay):
    for size, expected in (((80, 24), "could have been"), ((80, 32), "50%")):
        async with open_replay(settings=Settings(pace="live", alternatives=True), size=size) as chat:
            await press(chat, "i")
            assert expected in chat.screen_text
            assert NOT_RECORDED[:30] not in chat.screen_text


async def test_m_lists_minds_changed_and_enter_goes_to_the_step_where_one_settled(open_replay):
    async with open_replay() as chat:
        screen = await press(chat, "m")
        trace = chat.session.turns[0].trace
        history = CanvasHistory(list(trace))
        most = history.minds_changed[0]
        assert f"{most.num_flips}×" in chat.screen_text
        assert screen.query_one(MindsChanged).has_focus
        await press(chat, "enter")
        assert screen._cursor == Spot(0, most.position)
        assert screen.index == history.settle_steps[most.position] - 1
        assert f"position {most.position + 1} of canvas 1" in chat.screen_text


async def test_esc_closes_what_was_opened_last(open_replay):
    async with open_replay() as chat:
        screen = await press(chat, "i", "m", "e")
        for gone in ("-exporting", "-minds", "-inspecting"):
            assert screen.has_class(gone)
            await chat.pilot.press("escape")
            assert not screen.has_class(gone)
        await chat.pilot.press("escape")
        assert chat.app.screen is chat.app.chat


async def test_e_exports_and_never_overwrites(open_replay, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with open_replay() as chat:
        screen = await press(chat, "e")
        assert screen.query_one(Input).value == "replay-1.html"
        await press(chat, "enter")
        await chat.until(lambda: "written to" in screen.query_one(KeyHints).message)
        assert (tmp_path / "replay-1.html").exists()
        await press(chat, "e")
        screen.query_one(Input).value = "replay-1.html"
        await press(chat, "enter")
        await chat.until(lambda: "there already" in screen.query_one(KeyHints).message)


async def test_slash_export_writes_the_last_answer(open_chat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("hello")
        await chat.until_settled()
        await chat.send("/export a.svg")
        await chat.until(lambda: (tmp_path / "a.svg").exists())
        await chat.send("/export a.mp4")
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))


async def test_the_mouse_scrubs_on_the_curve(open_replay):
    async with open_replay(THREE_CANVASES) as chat:
        screen = replay_of(chat)
        track = screen.query_one(ReplayTrack)
        await chat.pilot.mouse_down(track, offset=(9, 1))
        await chat.until(lambda: screen.index == 0)
        await chat.pilot.hover(track, offset=(14, 1))
        await chat.until(lambda: 0 < screen.index < STEPS)
        await chat.pilot.mouse_up(track, offset=(14, 1))
        moved = screen.index
        await chat.pilot.hover(track, offset=(30, 1))
        await chat.pilot.pause()
        assert screen.index == moved


async def test_the_mark_stands_below_the_step_that_is_shown(open_replay):
    async with open_replay() as chat:
        marks = []
        for key in ("home", "right", "right", "end"):
            await press(chat, key)
            line = next(row for row in chat.screen_text.splitlines() if CARET in row)
            marks.append(line.index(CARET))
        assert marks == sorted(set(marks))


async def test_n_and_p_go_to_other_answers_and_slash_replay_names_one(open_chat):
    async with open_chat(ScriptedEngine(answer=None)) as chat:
        for number, prompt in enumerate(("first one", "second one"), start=1):
            await chat.send(prompt)
            await chat.until_settled(number)
        await chat.send("/replay 1")
        await chat.until(lambda: "first one" in chat.screen_text and "1/2" in chat.screen_text)
        await press(chat, "n")
        assert "second one" in chat.screen_text
        screen = await press(chat, "n")
        assert "no answer after" in screen.query_one(KeyHints).message
        await press(chat, "p")
        assert "first one" in chat.screen_text
        await chat.pilot.press("q")
        await chat.send("/replay 3")
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))


async def test_without_an_answer_it_says_so(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press("alt+r")
        await chat.until(lambda: "no answer yet" in chat.said)


async def test_a_stopped_answer_is_replayed_as_far_as_it_went(open_chat):
    async with open_chat(ScriptedEngine(steps=48, step_seconds=0.02)) as chat:
        await chat.send("a long one")
        await chat.until(lambda: len(chat.session.running.trace) > 3)
        await chat.pilot.press("escape")
        await chat.until_settled()
        steps = len(chat.session.turns[0].trace)
        await chat.pilot.press("alt+r")
        await chat.until(lambda: f"step {steps}/{steps}" in chat.screen_text)
        await press(chat, "h", "i", "home", "end")


async def test_an_answer_of_one_step_can_be_looked_at_in_every_way(open_replay):
    async with open_replay(engine=ScriptedEngine(steps=1)) as chat:
        screen = await press(chat, "h", "i", "left", "right", "left_square_bracket", "right_square_bracket")
        await press(chat, "space", "home", "end", "m")
        assert not screen.is_playing
        assert "step 1/1" in chat.screen_text
        assert "no token changed its mind" in chat.screen_text


async def test_a_wide_terminal_has_the_list_beside_the_canvas(open_replay):
    async with open_replay(size=(160, 50)) as chat:
        replay = replay_of(chat)
        assert "minds changed" in chat.screen_text
        assert replay.query_one(MindsChanged).region.x > replay.query_one(ReplayCanvas).region.right


async def test_a_long_answer_is_scrolled_to_the_canvas_that_is_shown(open_replay):
    answer = " ".join(f"w{number}" for number in range(1500))
    engine = ScriptedEngine(answer=answer, steps=3, canvas_length=256, max_new_tokens=1024)
    async with open_replay(engine=engine) as chat:
        await chat.until(lambda: "w1000" in chat.screen_text)
        await press(chat, "home")
        await chat.until(lambda: replay_of(chat)._page.scroll_offset.y == 0)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (100, 30), (200, 60)])
async def test_every_key_works_in_every_size(open_replay, size):
    keys = [key for binding in BINDINGS for key in binding.key.split(",") if key not in ("escape", "q", "e")]
    async with open_replay(THREE_CANVASES, size=size) as chat:
        await press(chat, *keys, *reversed(keys))


async def test_hostile_prompts_and_pieces_are_shown_and_steer_nothing(open_chat):
    engine = ScriptedEngine(answer="[red]a[/] \x1b]52;c;x\x07 \u202eb [@click=app.quit]c", steps=4)
    async with open_chat(engine) as chat:
        await chat.send("[bold]p[/] \x1b[2J")
        await chat.until_settled()
        await chat.pilot.press("alt+r")
        await chat.until(lambda: isinstance(chat.app.screen, ReplayScreen))
        await press(chat, "i", "m", "h")
        assert "[bold]p[/]" in chat.screen_text
        assert not set("\x1b\u202e\x07") & set(chat.screen_text)
