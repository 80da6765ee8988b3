"""Every setting of the table: what it is, where it comes from, and a way to change it for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dgchat.paths import config_file
from dgchat.settings import choices_of, doc_of, setting_names
from dgchat.ui.preferences import RESTART_SETTINGS
from dgchat.ui.screens.edit import EditScreen, Row


class SettingsOwner(Protocol):
    """Whoever holds the settings and makes a change of them felt."""

    def present_value(self, name: str) -> tuple[object, str]:
        """What a setting is now, and where that comes from."""
        ...

    def value_in_effect(self, name: str) -> str:
        """What a setting comes to that is left out, or `auto`; empty for one that says it itself."""
        ...

    def change_setting(self, name: str, raw: object) -> str:
        """Save and apply a value, or with None the default; returns what to say of it."""
        ...


class SettingsScreen(EditScreen):
    """Changes are saved in config.toml, and hold at once but for what only a start can change."""

    HEADING = "settings"

    def __init__(self, owner: SettingsOwner) -> None:
        super().__init__()
        self._owner = owner

    def subheading(self) -> str:
        """Where changes are saved."""
        return f"saved in {config_file()}"

    def rows(self) -> Sequence[Row]:
        """One row for each setting, in the order of the table."""
        return [self._row_of(name) for name in setting_names()]

    def change(self, name: str, raw: str | None) -> str:
        """Save the value and apply it."""
        return self._owner.change_setting(name, raw)

    def _row_of(self, name: str) -> Row:
        value, origin = self._owner.present_value(name)
        doc = doc_of(name)
        if name in RESTART_SETTINGS:
            doc += " A change holds from the next start on."
        shown = self._owner.value_in_effect(name) or as_typed(value) or "the model's own"
        return Row(name, shown, origin, doc, choices_of(name), as_typed(value))


def as_typed(value: object) -> str:
    """A setting's value as it would be typed."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
