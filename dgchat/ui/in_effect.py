"""What a setting comes to that nobody has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgchat.session.session import Session
from dgchat.session.turn import SAMPLER_SETTINGS

if TYPE_CHECKING:
    from dgchat.ui.look import Look

_AUTO = "auto"
_FIXED = {"server": "none", "seed": "a fresh one each turn", "system": "none", "keep": "not kept"}


def in_effect(name: str, value: object, session: Session, look: Look) -> str:
    """What holds in the place of a value that is left out, or of `auto`; empty for any other value, and
    where only a model that is still loading could tell.
    """
    if value == _AUTO:
        chosen = look.theme.name if name == "theme" else session.info.device if session.info else ""
        return f"{_AUTO}: {chosen}" if chosen else ""
    if value not in (None, ""):
        return ""
    if name in _FIXED:
        return _FIXED[name]
    return f"{look.pace.frames_per_second:g}" if name == "fps" else _of_model(name, session)


def _of_model(name: str, session: Session) -> str:
    info = session.info
    if info is None:
        return ""
    if name in SAMPLER_SETTINGS:
        return str(getattr(info.sampler, name))
    told = {
        "model": info.model,
        "steps": session.steps,
        "max_tokens": session.max_tokens,
        "context": info.context_length,
    }
    return str(told.get(name, ""))
