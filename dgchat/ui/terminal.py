"""What kind of terminal this is, as far as the environment says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LIGHT_BACKGROUNDS = frozenset({"7", "15"})
"""White and bright white, as COLORFGBG counts."""


@dataclass(frozen=True, slots=True)
class Terminal:
    is_dumb: bool
    """It cannot move its cursor."""
    is_light: bool
    """Its background is light."""
    is_remote: bool
    """It is at the other end of an ssh connection."""
    has_few_colours: bool = False
    """It shows no more than sixteen."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Terminal:
        """Read TERM, COLORTERM, COLORFGBG (`foreground;background`) and what ssh sets."""
        background = environment.get("COLORFGBG", "").rpartition(";")[2]
        return cls(
            is_dumb=environment.get("TERM", "") in ("dumb", "unknown"),
            is_light=background in _LIGHT_BACKGROUNDS,
            is_remote="SSH_CONNECTION" in environment or "SSH_TTY" in environment,
            has_few_colours=_has_few_colours(environment),
        )


def _has_few_colours(environment: Mapping[str, str]) -> bool:
    """As rich decides it, which then draws every colour as the nearest of the sixteen."""
    if environment.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return False
    return environment.get("TERM", "").rpartition("-")[2] not in ("256color", "kitty")
