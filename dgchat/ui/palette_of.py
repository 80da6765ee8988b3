"""A theme's colours for files, which know no themes."""

from __future__ import annotations

from dataclasses import replace

from textual.color import Color

from dgchat.replay.palette import DEFAULT_PALETTE, Palette
from dgchat.ui.theme import ChatTheme


def palette_of(theme: ChatTheme) -> Palette:
    """What a recording is exported with; a theme of the terminal's own colours has none to give."""
    if theme.is_ansi:
        return replace(DEFAULT_PALETTE, noise_glyphs=theme.noise_glyphs, entropy_levels=theme.entropy_levels)
    return Palette(
        background=_hex(theme.background),
        muted=_hex(theme.muted),
        rule=_hex(theme.rule),
        accent=_hex(theme.accent),
        text=_hex(theme.text),
        fresh=_hex(theme.fresh),
        drafts=tuple(map(_hex, theme.ramp)),
        noise=_hex(theme.noise),
        heat=tuple(map(_hex, theme.heat)),
        noise_glyphs=theme.noise_glyphs,
        entropy_levels=theme.entropy_levels,
    )


def _hex(colour: str) -> str:
    return Color.parse(colour).hex6.lower()
