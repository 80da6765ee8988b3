"""Theme files: complete, readable, and wrong ones named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from textual.color import Color

from colour_measures import CONSOLE, DEFICIENCIES, XTERM, contrast, distance, luminance, resolved
from dgchat.errors import SettingsError
from dgchat.ui.terminal import Terminal
from dgchat.ui.theme import ChatTheme, choose_theme, read_theme
from dgchat.ui.theme_shelf import ThemeShelf

FOLDER = Path(__file__).parents[2] / "themes"
SHELF = ThemeShelf([FOLDER])
THEMES = SHELF.themes
HIGH_CONTRAST = {"obsidian", "chalk"}


def test_every_theme_in_the_house_can_be_read():
    assert SHELF.failed == []
    assert len(THEMES) == 9
    assert {theme.dark for theme in THEMES.values()} == {True, False}


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize("palette", [XTERM, CONSOLE], ids=["xterm", "console"])
def test_all_text_stands_out_from_what_is_behind_it(theme: ChatTheme, palette: list[str]):
    texts = _texts(theme)
    least = 7.0 if theme.name in HIGH_CONTRAST else 4.5
    faint = {
        (colour, behind): ratio
        for colour in texts
        for behind in (theme.background, theme.surface)
        if (ratio := _contrast(theme, colour, behind, palette)) < least
    }
    assert faint == {}
    assert theme.is_ansi or _contrast(theme, theme.text, theme.rule, palette) >= 4.5
    assert theme.is_ansi or _contrast(theme, theme.noise, theme.background, palette) >= 3.0


@pytest.mark.parametrize("theme", [theme for theme in THEMES.values() if not theme.is_ansi], ids=str)
def test_the_heat_falls_in_brightness_with_every_level(theme: ChatTheme):
    brightness = [luminance(Color.parse(colour)) for colour in theme.heat]
    assert brightness == sorted(brightness, reverse=True)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_theme_for_every_colour_vision_tells_its_colours_apart(deficiency: str):
    theme = THEMES["spectrum"]
    apart = [
        (theme.accent, theme.you),
        (theme.error, theme.text),
        (theme.error, theme.ramp[0]),
        (theme.fresh, theme.ramp[0]),
        (theme.text, theme.ramp[2]),
        (theme.noise, theme.ramp[3]),
        *pairwise(theme.heat),
    ]
    distances = {pair: distance(*map(Color.parse, pair), deficiency) for pair in apart}
    assert {pair: far for pair, far in distances.items() if far < 9} == {}


def test_a_theme_in_sixteen_colours_uses_no_others():
    for theme in THEMES.values():
        colours = (theme.background, theme.surface, theme.you, theme.rule, theme.noise, *_texts(theme))
        assert {Color.parse(colour).ansi is not None for colour in colours} == {theme.is_ansi}


def _texts(theme: ChatTheme) -> tuple[str, ...]:
    texts = (theme.text, theme.muted, theme.accent, theme.you, theme.error, theme.fresh)
    return (*texts, *theme.ramp, *theme.heat)


def _contrast(theme: ChatTheme, colour: str, behind: str, palette: list[str]) -> float:
    text = resolved(colour, palette, is_dark=theme.dark)
    return contrast(text, resolved(behind, palette, is_dark=theme.dark, is_background=True))


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"TERM": "xterm-256color"}, "ember"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "paper"),
        ({"TERM": "xterm-kitty"}, "ember"),
        ({"TERM": "linux"}, "slate"),
        ({"TERM": "xterm-16color", "COLORFGBG": "0;7"}, "marble"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "ember"),
    ],
)
def test_auto_follows_background_and_colours_of_the_terminal(environment, name):
    assert choose_theme("auto", THEMES, Terminal.from_environment(environment)).name == name


def test_an_unknown_theme_names_the_nearest():
    with pytest.raises(SettingsError, match="did you mean paper"):
        choose_theme("papre", THEMES, Terminal.from_environment({}))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("accent =", "acent =", "acent.*did you mean accent"),
        ('"#12100e"', '"mud"', "colour"),
        ("0.01, ", "", "entropy_levels"),
        ("dark = true", "", "lacks dark"),
        ("name =", "name", "cannot be read"),
        ('name = "ember"', "name = 7", "broken.toml has name = 7"),
        ("dark = true", 'dark = "no"', "broken.toml has dark = 'no': it must be true or false"),
        ('accent = "#f5a25d"', "accent = 7", "broken.toml has accent = 7: it must be a colour"),
        ('"#dcbf98", ', "", "broken.toml has ramp"),
        ('"#dcbf98"', "7", "broken.toml has ramp"),
        ("[0.01, 0.1,", '["0.01", 0.1,', "broken.toml has entropy_levels .* 4 numbers"),
        ("[0.01, 0.1,", "[true, 1.1,", "broken.toml has entropy_levels"),
        ("[0.01, 0.1,", "[0.1, 0.01,", "broken.toml has entropy_levels .* ascending"),
        ("[0.01, 0.1,", "[nan, 0.1,", "broken.toml has entropy_levels"),
        ("[0.01, 0.1, 0.5, 1.3]", "0.01", "broken.toml has entropy_levels"),
        ('"#ecda95", ', "", "broken.toml has heat .* 5 colours"),
        ('"░▒▓"', '"░海▓"', "broken.toml has noise_glyphs .* one cell"),
        ('"░▒▓"', '"░\\u200b▓"', "broken.toml has noise_glyphs"),
        ('"░▒▓"', '"░\\ue0b0▓"', "broken.toml has noise_glyphs"),
        ('"░▒▓"', '""', "broken.toml has noise_glyphs"),
        ('"░▒▓"', '["░"]', "broken.toml has noise_glyphs"),
    ],
)
def test_a_broken_theme_says_what_is_wrong(tmp_path, old, new, told):
    path = tmp_path / "broken.toml"
    path.write_text((FOLDER / "ember.toml").read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError, match=told):
        read_theme(path)
    assert len(ThemeShelf([tmp_path]).failed) == 1
