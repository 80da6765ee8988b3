"""The settings of a running chat: what holds, where it comes from, and what a change of it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, cast

from dgchat.paths import config_file
from dgchat.session.turn import TurnSettings
from dgchat.settings import Origin, Settings, read_setting, setting_names
from dgchat.settings_file import save_setting

TURN_SETTINGS = frozenset(field.name for field in fields(TurnSettings))
"""They act from the next turn on."""

PACE_SETTINGS = frozenset({"motion", "fps", "pace"})
"""They act from the next answer on."""

RESTART_SETTINGS = frozenset({"model", "device", "context", "plain"})
"""They act when dgchat is started the next time."""

_DEFAULTS = Settings()


class Preferences:
    """Starts as flags, variables and file made it; a change is saved in config.toml and holds at once."""

    def __init__(self, settings: Settings, origins: Mapping[str, Origin] | None = None) -> None:
        self.settings = settings
        self.origins = dict(origins or dict.fromkeys(setting_names(), Origin.DEFAULT))

    def value_of(self, name: str) -> object:
        """What a setting is now."""
        return getattr(self.settings, name)

    def change(self, name: str, raw: object) -> str:
        """Save a new value, or with None go back to the default; returns what stands against it, if anything.

        SettingsError for a value that cannot be, and for a file that cannot be written.
        """
        value = getattr(_DEFAULTS, name) if raw is None else read_setting(name, raw)
        save_setting(config_file(), name, value if raw is not None and value is not None else None)
        before = self.origins[name]
        self.origins[name] = Origin.DEFAULT if raw is None else Origin.FILE
        self.settings = replace(self.settings, **cast("dict[str, Any]", {name: value}))
        return f"at the next start the {before} wins" if before in (Origin.VARIABLE, Origin.FLAG) else ""
