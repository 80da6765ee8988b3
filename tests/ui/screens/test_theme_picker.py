"""Themes tried on, kept, put back, and read again when their file changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from rich.color import ColorType

from dgchat.paths import config_dir, config_file
from dgchat.settings import Settings
from dgchat.ui.screens.theme_picker import ThemePicker
from scripted_engine import ScriptedEngine

HOUSE = Path(__file__).parents[3] / "themes"


async def open_picker(chat) -> None:
    await chat.send("/theme")
    await chat.until(lambda: isinstance(chat.app.screen, ThemePicker))


async def test_moving_through_the_picker_tries_themes_on_and_esc_puts_the_first_back(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await open_picker(chat)
        tried = set()
        for _ in range(9):
            await chat.pilot.press("down")
            await chat.pilot.pause()
            tried.add(chat.app.theme)
        assert tried == {path.stem for path in HOUSE.glob("*.toml")}
        await chat.pilot.press("down", "escape")
        await chat.until(lambda: chat.app.screen is chat.app.chat)
        assert chat.app.theme == chat.app.chat.look.theme.name == "ember"
        assert not config_file().exists()


async def test_enter_in_the_picker_keeps_the_theme_for_good(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await open_picker(chat)
        await chat.pilot.press("end", "enter")
        await chat.until(lambda: chat.app.screen is chat.app.chat)
        assert chat.app.theme == "tide"
        assert config_file().read_text(encoding="utf-8") == 'theme = "tide"\n'
        assert "theme tide: saved" in chat.hint


async def test_a_changed_file_recolours_the_running_chat_and_a_broken_one_costs_one_notice(open_chat):
    folder = config_dir() / "themes"
    async with open_chat(ScriptedEngine(), Settings(theme="ember", pace="live")) as chat:
        look = chat.app.chat.look
        mine = config_dir() / "themes" / "ember.toml"
        folder = mine.parent
        folder.mkdir(parents=True)
        shutil.copy(HOUSE / "ember.toml", mine)
        mine.write_text(mine.read_text().replace("#12100e", "#000000"))
        await look.reload_themes()
        await chat.until(lambda: chat.app.chat.styles.background.hex == "#000000")
        for attempt in range(3):
            mine.write_text("name = 7\n")
            os.utime(mine, (attempt, attempt))
            await look.reload_themes()
        assert chat.said.count("The old one stays") == 1
        assert chat.app.chat.styles.background.hex == "#000000"


async def test_a_theme_file_is_looked_at_without_being_asked(open_chat, monkeypatch):
    monkeypatch.setattr("dgchat.ui.app.THEME_POLL_SECONDS", 0.05)
    async with open_chat(ScriptedEngine()) as chat:
        folder = config_dir() / "themes"
        folder.mkdir(parents=True)
        text = (HOUSE / "tide.toml").read_text().replace('name = "tide"', 'name = "mine"')
        (folder / "mine.toml").write_text(text)
        await chat.until(lambda: "mine" in chat.app.chat.look.shelf.themes)
        await chat.send("/theme mine")
        assert chat.app.theme == "mine"


@pytest.mark.parametrize("theme", ["slate", "marble"])
async def test_sixteen_colours_mean_the_terminals_own_and_no_other(open_chat, theme):
    async with open_chat(
        ScriptedEngine(steps=12, step_seconds=0.02), Settings(theme=theme, pace="live")
    ) as chat:
        await chat.send("hello")
        await chat.until(lambda: bool(chat.answers) and chat.answers[0].num_drawn_steps > 2)
        assert _kinds(chat) <= {ColorType.DEFAULT, ColorType.STANDARD}
        await chat.until_settled()
        for key in ("f1", "f2", "f3", "ctrl+p"):
            await chat.pilot.press(key)
            await chat.until(lambda: chat.app.screen is not chat.app.chat)
            await chat.pilot.pause()
            assert _kinds(chat) <= {ColorType.DEFAULT, ColorType.STANDARD}, key
            await chat.pilot.press("escape")
            await chat.until(lambda: chat.app.screen is chat.app.chat)


@pytest.mark.parametrize("theme", ["ember", "slate"])
async def test_no_color_leaves_no_colour_and_crashes_nothing(open_chat, monkeypatch, theme):
    monkeypatch.setenv("NO_COLOR", "1")
    settings = Settings(theme=theme, pace="live")
    async with open_chat(ScriptedEngine(steps=6, step_seconds=0.02), settings) as chat:
        await chat.send("grey?")
        await chat.until_settled()
        for key in ("f1", "f2", "f3", "ctrl+p"):
            await chat.pilot.press(key)
            await chat.until(lambda: chat.app.screen is not chat.app.chat)
            await chat.pilot.pause()
            assert all(_is_grey(colour) for colour in _colours(chat)), key
            await chat.pilot.press("escape")
            await chat.until(lambda: chat.app.screen is chat.app.chat)
        await open_picker(chat)
        await chat.pilot.press("down")
        await chat.pilot.pause()
        assert all(_is_grey(colour) for colour in _colours(chat))


def _kinds(chat) -> set[ColorType]:
    return {colour.type for colour in _colours(chat)}


def _is_grey(colour) -> bool:
    if colour.triplet is None:
        return colour.is_default
    return len({colour.triplet.red, colour.triplet.green, colour.triplet.blue}) == 1


def _colours(chat) -> list:
    """Every colour on the terminal, after all filters."""
    background = chat.app.screen.background_colors[1]
    colours = []
    for strip in chat.app.screen._compositor.render_strips():
        segments = list(strip)
        for line_filter in chat.app.get_line_filters():
            if line_filter.enabled:
                segments = line_filter.apply(segments, background)
        styles = [segment.style for segment in segments if segment.style is not None]
        assert len(styles) == len(segments)
        colours += [
            colour for style in styles for colour in (style.color, style.bgcolor) if colour is not None
        ]
    return colours


@pytest.mark.parametrize("theme", ["ember", "slate", "marble"])
async def test_the_row_under_the_cursor_stands_out(open_chat, theme):
    async with open_chat(ScriptedEngine(), Settings(theme=theme, pace="live")) as chat:
        await open_picker(chat)
        await chat.until(lambda: len(_backgrounds_of_names(chat)) == 2)


def _backgrounds_of_names(chat) -> set[str]:
    """What is behind the names in the picker."""
    rows = chat.app.screen._compositor.render_strips()
    names = {path.stem for path in HOUSE.glob("*.toml")}
    return {
        str(segment.style.bgcolor)
        for row in rows
        for segment in row
        if segment.text.strip() in names and segment.style is not None
    }
