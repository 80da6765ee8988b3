"""What shapes the next answer besides steps and tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from dgchat.errors import UsageError
from dgchat.session.session import Session
from dgchat.session.turn import SAMPLER_SETTINGS
from dgchat.settings import choices_of, doc_of, read_setting
from dgchat.ui.screens.edit import EditScreen, Row
from dgchat.ui.screens.settings import as_typed

_FRESH = "fresh"


class MoreScreen(EditScreen):
    """Changes hold from the next turn on, in this chat only."""

    HEADING = "more"
    HINT = "enter changes · backspace takes the model's own · esc closes"

    def __init__(self, session: Session, changed: Callable[[], object]) -> None:
        """`changed` is called after every change."""
        super().__init__()
        self._session = session
        self._changed = changed

    def subheading(self) -> str:
        """How long a change lasts."""
        return "from the next turn on, in this chat; F2 settings keeps it"

    def rows(self) -> Sequence[Row]:
        """Seed, thinking, and the sampler's own figures."""
        settings = self._session.settings
        seed = _FRESH if settings.seed is None else str(settings.seed)
        thinking = as_typed(settings.thinking)
        return [
            Row("seed", seed, "", f"{doc_of('seed')} Type a number, or {_FRESH}.", typed=seed),
            Row("thinking", thinking, "", doc_of("thinking"), choices_of("thinking"), thinking),
            *(self._sampler_row(name) for name in SAMPLER_SETTINGS),
        ]

    def change(self, name: str, raw: str | None) -> str:
        """Take the value for the next turn."""
        is_default = raw is None or (name == "seed" and raw.strip().lower() == _FRESH)
        value = (False if name == "thinking" else None) if is_default else read_setting(name, raw)
        info = self._session.info
        if name == "thinking" and value and info and not info.can_think:
            raise UsageError(f"{info.model} has no thought channel.")
        changed = cast("dict[str, Any]", {name: value})
        self._session.settings = replace(self._session.settings, **changed)
        self._changed()
        return f"{name}: from the next turn on"

    def _sampler_row(self, name: str) -> Row:
        asked = getattr(self._session.settings, name)
        info = self._session.info
        own = as_typed(getattr(info.sampler, name)) if info else "–"
        value = own if asked is None else as_typed(asked)
        note = "model's own" if asked is None else f"not {own}"
        return Row(name, value, note, f"{doc_of(name)} The model's own is {own}.", typed=value)
