"""Colours, denoising ramp and noise glyphs, read from flat TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from rich.cells import cell_len
from textual.color import Color, ColorParseError
from textual.theme import Theme

from dgchat.errors import SettingsError
from dgchat.replay.heat import NUM_HEAT_LEVELS
from dgchat.safe_text import visible
from dgchat.ui.terminal import Terminal

DARK_DEFAULT = "ember"
LIGHT_DEFAULT = "paper"
DARK_ANSI_DEFAULT = "slate"
LIGHT_ANSI_DEFAULT = "marble"

NUM_ENTROPY_LEVELS = 5
"""Four of them tint a draft, the highest is noise."""

_NUM_BOUNDS = NUM_ENTROPY_LEVELS - 1


@dataclass(frozen=True, slots=True)
class ChatTheme:
    name: str
    """What /theme calls it."""
    dark: bool
    """Whether text is lighter than the background."""
    background: str
    """Behind everything."""
    surface: str
    """Behind what lies over the background: code, the help, the palette."""
    text: str
    """Settled text."""
    muted: str
    """Labels, hints and figures."""
    accent: str
    """The model's side: its gutter, knobs, keys."""
    you: str
    """The reader's gutter."""
    rule: str
    """Thin lines and empty tracks."""
    error: str
    """What went wrong."""
    fresh: str
    """A token in the moment it settles."""
    ramp: tuple[str, ...]
    """Drafts, from almost sure to hardly."""
    noise: str
    """The noise glyphs."""
    noise_glyphs: str
    """One-cell glyphs that stand for tokens still unknown."""
    entropy_levels: tuple[float, ...]
    """Nats between the levels: up to the first is level 0, above the last is noise."""
    heat: tuple[str, ...]
    """Settled tokens, from those that settled first to those that settled last."""

    @property
    def is_ansi(self) -> bool:
        """Whether it uses the terminal's own sixteen colours."""
        return self.background.startswith("ansi_")

    def to_textual(self) -> Theme:
        """The same colours under the names that stylesheets use."""
        drafts = {f"draft-{level}": colour for level, colour in enumerate(self.ramp)}
        heat = {f"heat-{level}": colour for level, colour in enumerate(self.heat)}
        return Theme(
            name=self.name,
            dark=self.dark,
            primary=self.accent,
            secondary=self.you,
            accent=self.accent,
            foreground=self.text,
            background=self.background,
            surface=self.surface,
            panel=self.surface,
            error=self.error,
            warning=self.error,
            success=self.accent,
            text_alpha=1.0,
            ansi=self.is_ansi,
            variables={
                **drafts,
                **heat,
                **self._chosen_row(),
                "surface": self.surface,
                "panel": self.surface,
                "muted": self.muted,
                "you": self.you,
                "rule": self.rule,
                "fresh": self.fresh,
                "noise": self.noise,
                "block-cursor-background": self.accent,
                "block-cursor-foreground": self.background,
                "input-cursor-background": self.text,
                "input-cursor-foreground": self.background,
                "input-selection-background": f"{self.accent} 35%",
                "markdown-h1-color": self.text,
                "markdown-h1-background": self.background,
                "markdown-h1-text-style": "bold",
                "markdown-h2-color": self.text,
                "markdown-h2-text-style": "bold",
                "markdown-h3-color": self.text,
                "markdown-h3-text-style": "bold",
            },
        )

    def _chosen_row(self) -> dict[str, str]:
        """The row under a cursor; in the terminal's colours also what textual's own stylesheets want."""
        if not self.is_ansi:
            return {"chosen": self.rule, "chosen-text": self.text}
        behind, before = ("ansi_black", "ansi_white") if self.dark else ("ansi_bright_white", "ansi_black")
        return {
            "ansi-background": behind,
            "ansi-foreground": before,
            "chosen": before,
            "chosen-text": behind,
        }


def read_theme(path: Path) -> ChatTheme:
    """The theme in one file; SettingsError says what is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"The theme {path.name} cannot be read: {error}") from error
    _check_keys(table, path)
    _check_values(table, path)
    return ChatTheme(**{key: _frozen(value) for key, value in table.items()})


def choose_theme(wanted: str, themes: Mapping[str, ChatTheme], terminal: Terminal) -> ChatTheme:
    """The theme of that name, or for `auto` the default that goes with the terminal."""
    name = _default_for(terminal) if wanted == "auto" else wanted
    if theme := themes.get(name):
        return theme
    nearest = get_close_matches(name, themes, n=1, cutoff=0.0)
    known = ", ".join(sorted(themes))
    hint = f"did you mean {nearest[0]}? There are: {known}" if nearest else "no theme was found"
    raise SettingsError(f"There is no theme {name!r}.", hint=hint)


def _default_for(terminal: Terminal) -> str:
    if terminal.has_few_colours:
        return LIGHT_ANSI_DEFAULT if terminal.is_light else DARK_ANSI_DEFAULT
    return LIGHT_DEFAULT if terminal.is_light else DARK_DEFAULT


def _frozen(value: Any) -> Any:
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value


def _check_keys(table: Mapping[str, object], path: Path) -> None:
    known = [field.name for field in fields(ChatTheme)]
    for key in table:
        if key not in known:
            nearest = get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise SettingsError(
                f"The theme {path.name} has an unknown key {key!r}.", hint=f"did you mean {nearest}?"
            )
    if missing := [key for key in known if key not in table]:
        raise SettingsError(f"The theme {path.name} lacks {', '.join(missing)}.")


def _check_values(table: Mapping[str, object], path: Path) -> None:
    for key, value in table.items():
        fits, wanted = _RULES.get(key, _COLOUR_RULE)
        if not fits(value):
            raise SettingsError(f"The theme {path.name} has {key} = {value!r}: it must be {wanted}.")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_colour(value: object) -> bool:
    try:
        Color.parse(value if isinstance(value, str) else "")
    except ColorParseError:
        return False
    return True


def _is_ramp(value: object, length: int) -> bool:
    colours = _as_list(value)
    return len(colours) == length and all(map(_is_colour, colours))


def _are_glyphs(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    return all(cell_len(glyph) == 1 and visible(glyph, newlines=False) == glyph for glyph in value)


def _are_levels(value: object) -> bool:
    levels = [level for level in _as_list(value) if isinstance(level, (int, float)) and not _is_switch(level)]
    is_whole = len(levels) == len(_as_list(value)) == _NUM_BOUNDS
    return is_whole and all(low < high for low, high in pairwise(levels))


def _as_list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


_Rule = tuple[Callable[[object], bool], str]

_COLOUR_RULE: _Rule = (_is_colour, "a colour")

_RULES: Mapping[str, _Rule] = {
    "name": (_is_name, "a word in quotes"),
    "dark": (_is_switch, "true or false"),
    "ramp": (partial(_is_ramp, length=_NUM_BOUNDS), f"{_NUM_BOUNDS} colours"),
    "heat": (partial(_is_ramp, length=NUM_HEAT_LEVELS), f"{NUM_HEAT_LEVELS} colours"),
    "noise_glyphs": (_are_glyphs, "one or more characters that are each one cell wide"),
    "entropy_levels": (_are_levels, f"{_NUM_BOUNDS} numbers in ascending order"),
}
"""What the value of a key must be; every other key is a colour."""
