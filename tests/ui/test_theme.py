"""Theme files: complete, readable, and wrong ones named."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from dgchat.errors import SettingsError
from dgchat.ui.theme import ChatTheme, choose_theme, load_themes, read_theme

FOLDER = Path(__file__).parents[2] / "themes"
THEMES, FAILED = load_themes([FOLDER])


def test_every_theme_in_the_house_can_be_read():
    assert FAILED == []
    assert {"ember", "paper"} <= set(THEMES)
    assert {theme.dark for theme in THEMES.values()} == {True, False}


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_all_text_stands_out_from_its_background(theme: ChatTheme):
    background = Color.parse(theme.background)
    texts = (theme.text, theme.muted, theme.accent, theme.error, theme.fresh, *theme.ramp)
    contrasts = {colour: _contrast(background, colour) for colour in texts}
    assert {colour: ratio for colour, ratio in contrasts.items() if ratio < 4.5} == {}
    assert _contrast(background, theme.noise) >= 2.4
    assert _contrast(Color.parse(theme.surface), theme.muted) >= 4.5


def _contrast(background: Color, colour: str) -> float:
    light, dark = sorted((_luminance(background), _luminance(Color.parse(colour))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    channels = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in colour.normalized
    ]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def test_auto_follows_the_background_of_the_terminal():
    assert choose_theme("auto", THEMES, light_background=False).dark
    assert not choose_theme("auto", THEMES, light_background=True).dark


def test_an_unknown_theme_names_the_nearest():
    with pytest.raises(SettingsError, match="did you mean paper"):
        choose_theme("papre", THEMES, light_background=False)


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
    assert len(load_themes([tmp_path])[1]) == 1
