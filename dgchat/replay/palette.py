"""What a recording is drawn with: colours by the name of a style, noise glyphs, entropy levels, width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

USUAL_WIDTH = 88
"""Cells of a row of text where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The plain values of a theme, for files that know no themes."""

    background: str
    """`#rrggbb`, as every colour here."""
    muted: str
    """Labels and figures."""
    rule: str
    """Thin lines."""
    accent: str
    """The gutter, and the curve of entropies."""
    text: str
    """Settled text."""
    fresh: str
    """A token in the moment it settles."""
    drafts: tuple[str, ...]
    """From almost sure to hardly."""
    noise: str
    """Tokens that are not known yet."""
    heat: tuple[str, ...]
    """From what settled first to what settled last."""
    noise_glyphs: str = "░▒▓"
    entropy_levels: tuple[float, ...] = (0.01, 0.1, 0.5, 1.3)
    """Nats between the levels."""
    width: int = USUAL_WIDTH
    """Cells of one row of text."""

    @property
    def colours(self) -> Mapping[str, str]:
        """Colour of every style that a canvas is painted in."""
        return {
            "settled": self.text,
            "fresh": self.fresh,
            **{f"draft-{level}": colour for level, colour in enumerate(self.drafts)},
            "overturned": self.drafts[2],
            "past-end": self.noise,
            "noise": self.noise,
            "rule": self.rule,
            "gutter": self.accent,
        }


DEFAULT_PALETTE = Palette(
    background="#12100e",
    muted="#9c9284",
    rule="#39332c",
    accent="#f5a25d",
    text="#ece5d8",
    fresh="#ffe2b8",
    drafts=("#dcbf98", "#d3a878", "#c8925f", "#bd8159"),
    noise="#7c6049",
    heat=("#ecda95", "#efbd66", "#ed9d44", "#e87c47", "#d7615b"),
)
"""Where there is no theme, or one whose colours are the terminal's own."""

BOLD = frozenset({"fresh"})
"""Styles whose text is bold."""

ITALIC = frozenset({"draft-0", "draft-1", "draft-2", "draft-3", "overturned", "past-end"})
"""Styles whose text is italic."""

UNDERLINED = frozenset({"overturned"})
"""Styles whose text is underlined."""
