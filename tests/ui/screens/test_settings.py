"""The settings screen and `more`: what they show, take, refuse and keep."""

from __future__ import annotations

from threading import Event

import pytest
from textual.widgets import Input, OptionList

from dgchat.paths import config_file
from dgchat.session.loading import Loading
from dgchat.settings import Origin, Settings, doc_of, setting_names
from dgchat.ui.screens.more import MoreScreen
from dgchat.ui.screens.settings import SettingsScreen
from scripted_engine import ScriptedEngine


async def open_row(chat, key: str, name: str) -> None:
    """Open a screen of values with its cursor on the row of that name."""
    await chat.pilot.press(key)
    await chat.until(lambda: isinstance(chat.app.screen, SettingsScreen | MoreScreen))
    await chat.until(lambda: chat.app.screen.query_one(OptionList).option_count > 0)
    place = [row.name for row in chat.app.screen.rows()].index(name)
    await chat.pilot.press(*["down"] * place)
    await chat.until(lambda: chat.app.screen.query_one(OptionList).highlighted == place)


async def type_over(chat, text: str) -> None:
    await chat.pilot.press("enter")
    await chat.until(lambda: isinstance(chat.app.focused, Input))
    chat.app.focused.value = text
    await chat.pilot.press("enter")


async def test_every_setting_stands_there_with_its_value_its_origin_and_its_sentence(open_chat):
    async with open_chat(ScriptedEngine(), Settings(pace="live", steps=16), size=(100, 50)) as chat:
        chat.app._look.preferences.origins["steps"] = Origin.FLAG
        await open_row(chat, "f2", "steps")
        for name in setting_names():
            assert name in chat.screen_text
        row = next(line for line in chat.screen_text.splitlines() if " steps " in line and "flag" in line)
        assert "16" in row
        await chat.until(lambda: doc_of("steps")[:40] in chat.screen_text)


async def test_a_setting_that_is_left_out_shows_what_holds(open_chat):
    async with open_chat(ScriptedEngine(), Settings(fps=None), size=(100, 50)) as chat:
        await open_row(chat, "f2", "model")
        for name, value in (
            ("model", "scripted 1M"),
            ("device", "auto: cpu"),
            ("steps", "48"),
            ("max_tokens", "128"),
            ("seed", "a fresh one each turn"),
            ("t_min", "0.4"),
            ("theme", "auto: ember"),
            ("fps", "20"),
        ):
            row = next(line for line in chat.screen_text.splitlines() if f" {name} " in line)
            assert f" {value} " in row
            assert "default" in row
        assert "left out  " not in chat.screen_text


async def test_before_the_model_is_there_its_own_values_are_called_so(open_chat):
    is_released = Event()

    def load(loading: Loading) -> ScriptedEngine:
        is_released.wait(30)
        return ScriptedEngine()

    async with open_chat(load, size=(100, 50), loaded=False) as chat:
        await open_row(chat, "f2", "steps")
        row = next(line for line in chat.screen_text.splitlines() if " steps " in line)
        assert "the model's own" in row
        is_released.set()


async def test_a_typed_value_is_saved_and_holds_from_the_next_turn_on(open_chat):
    config_file().parent.mkdir(parents=True, exist_ok=True)
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        config_file().write_text("# mine\nfps = 9 # few\n", encoding="utf-8")
        await open_row(chat, "f2", "steps")
        await type_over(chat, "8")
        await chat.until(lambda: "saved; it holds from the next turn on" in chat.screen_text)
        assert config_file().read_text(encoding="utf-8") == "# mine\nfps = 9 # few\nsteps = 8\n"
        await chat.pilot.press("escape")
        await chat.send("hello")
        await chat.until_settled()
        assert engine.requests[0].sampler.max_denoising_steps == 8


async def test_backspace_takes_the_default_and_the_line_out_of_the_file(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        config_file().write_text("steps = 8\nfps = 9\n", encoding="utf-8")
        await open_row(chat, "f2", "steps")
        await chat.pilot.press("backspace")
        await chat.until(lambda: "the default again" in chat.screen_text)
        assert config_file().read_text(encoding="utf-8") == "fps = 9\n"


async def test_what_cannot_be_is_told_in_the_words_of_the_table_and_stays_in_the_line(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await open_row(chat, "f2", "fps")
        await type_over(chat, "[b]100[/b]")
        await chat.until(lambda: "fps must be a whole number from 1 to 60" in chat.screen_text)
        assert chat.app.focused.value == "[b]100[/b]"
        assert not config_file().exists()
        await chat.pilot.press("escape", "escape")
        await chat.until(lambda: chat.app.screen is chat.app.chat)


async def test_enter_takes_the_next_of_few_values_and_motion_acts_at_once(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await open_row(chat, "f2", "motion")
        await chat.pilot.press("enter")
        await chat.until(lambda: "it holds from the next answer on" in chat.screen_text)
        assert config_file().read_text(encoding="utf-8") == 'motion = "calm"\n'
        assert chat.app.chat.has_class("-calm")
        assert chat.app.chat.look.pace.frames_per_second == 2
        await chat.pilot.press("enter", "enter")
        await chat.until(lambda: not chat.app.chat.has_class("-calm"))


async def test_what_only_a_start_can_change_says_so(open_chat):
    async with open_chat(ScriptedEngine(), size=(100, 40)) as chat:
        await open_row(chat, "f2", "device")
        await chat.until(lambda: "A change holds from" in chat.screen_text)


async def test_a_flag_that_wins_at_the_next_start_is_named(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        chat.app._look.preferences.origins["bell"] = Origin.VARIABLE
        await open_row(chat, "f2", "bell")
        await chat.pilot.press("enter")
        await chat.until(lambda: "at the next start the variable wins" in chat.screen_text)
        assert chat.app._look.preferences.settings.bell is True


async def test_an_unknown_theme_is_not_saved(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await open_row(chat, "f2", "theme")
        await type_over(chat, "papre")
        await chat.until(lambda: "did you mean paper" in chat.screen_text)
        assert not config_file().exists()
        assert chat.app.theme == "ember"


async def test_more_shows_the_models_own_and_acts_on_the_next_turn_only_in_this_chat(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await open_row(chat, "f3", "t_max")
        assert "0.8" in chat.screen_text
        assert "model's own" in chat.screen_text
        await type_over(chat, "0.55")
        await chat.until(lambda: "not 0.8" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.send("hello")
        await chat.until_settled()
        assert engine.requests[0].sampler.t_max == 0.55
        assert not config_file().exists()
        await open_row(chat, "f3", "t_max")
        await chat.pilot.press("backspace", "escape")
        await chat.send("again")
        await chat.until_settled(2)
        assert engine.requests[1].sampler.t_max == 0.8


@pytest.mark.parametrize(("typed", "seed"), [("7", 7), ("fresh", None)])
async def test_a_seed_is_a_number_or_fresh(open_chat, typed, seed):
    async with open_chat(ScriptedEngine(), Settings(pace="live", seed=3)) as chat:
        await open_row(chat, "f3", "seed")
        await type_over(chat, typed)
        await chat.until(lambda: chat.session.settings.seed == seed)


async def test_a_slider_opens_more(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press("tab", "m")
        await chat.until(lambda: isinstance(chat.app.screen, MoreScreen))


@pytest.mark.parametrize("size", [(200, 60), (80, 24), (60, 16), (40, 12)])
@pytest.mark.parametrize("key", ["f1", "f2", "f3"])
async def test_every_screen_fits_and_shows_what_a_row_means(open_chat, size, key):
    async with open_chat(ScriptedEngine(), size=size) as chat:
        await chat.pilot.press(key)
        await chat.until(lambda: chat.app.screen is not chat.app.chat)
        await chat.pilot.pause()
        assert all(len(row) <= size[0] for row in chat.screen_text.splitlines())
        if key == "f2":
            await chat.until(lambda: "Checkpoint folder" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.app.chat)
