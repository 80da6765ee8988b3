"""What kind of terminal this is, as far as the environment says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

_LIGHT_BACKGROUNDS = frozenset({"7", "15"})
"""White and bright white, as COLORFGBG counts."""


class Multiplexer(Enum):
    """What stands between the program and the terminal."""

    NONE = "none"
    TMUX = "tmux"
    SCREEN = "screen"


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
    multiplexer: Multiplexer = Multiplexer.NONE
    """What takes its escape sequences for itself."""
    editor: str = ""
    """The command that its reader writes texts with; empty if none is named."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Terminal:
        """Read TERM, COLORTERM, COLORFGBG (`foreground;background`), VISUAL and EDITOR, and what ssh, tmux
        and screen set.
        """
        background = environment.get("COLORFGBG", "").rpartition(";")[2]
        name = environment.get("TERM", "")
        return cls(
            is_dumb=name in ("dumb", "unknown"),
            is_light=background in _LIGHT_BACKGROUNDS,
            is_remote="SSH_CONNECTION" in environment or "SSH_TTY" in environment,
            has_few_colours=_has_few_colours(environment),
            multiplexer=_multiplexer(environment),
            editor=environment.get("VISUAL", "") or environment.get("EDITOR", ""),
        )


def _has_few_colours(environment: Mapping[str, str]) -> bool:
    """As rich decides it, which then draws every colour as the nearest of the sixteen."""
    if environment.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return False
    return environment.get("TERM", "").rpartition("-")[2] not in ("256color", "kitty")


def _multiplexer(environment: Mapping[str, str]) -> Multiplexer:
    if environment.get("TMUX"):
        return Multiplexer.TMUX
    return Multiplexer.SCREEN if environment.get("STY") else Multiplexer.NONE
