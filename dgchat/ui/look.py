"""How the chat looks and moves: theme, pace and preferences, changed while it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dgchat.ui.in_effect import in_effect
from dgchat.ui.pace import Pace
from dgchat.ui.preferences import PACE_SETTINGS, RESTART_SETTINGS, TURN_SETTINGS, Preferences
from dgchat.ui.terminal import Terminal
from dgchat.ui.theme import ChatTheme, choose_theme
from dgchat.ui.theme_shelf import ThemeShelf
from dgchat.ui.widgets.controls import Controls
from dgchat.ui.widgets.notice import Notice

if TYPE_CHECKING:
    from dgchat.ui.app import DgchatApp


class Look:
    """Holds what holds now, and makes a change felt in the application it is attached to."""

    def __init__(self, preferences: Preferences, shelf: ThemeShelf, terminal: Terminal) -> None:
        self.preferences = preferences
        self.shelf = shelf
        self._terminal = terminal
        self.theme: ChatTheme = choose_theme(preferences.settings.theme, shelf.themes, terminal)
        self.pace = Pace.of(preferences.settings, over_ssh=terminal.is_remote)
        self._app: DgchatApp | None = None

    def attach(self, app: DgchatApp) -> None:
        """Act on this application from now on."""
        self._app = app
        self._move()

    def use_theme(self, name: str) -> ChatTheme:
        """Change the colours; SettingsError for a name that no theme has."""
        self.theme = choose_theme(name, self.shelf.themes, self._terminal)
        if self._app is not None:
            self._app.theme = self.theme.name
        return self.theme

    async def reload_themes(self) -> None:
        """Take up themes whose files have changed, and say once what is wrong with one."""
        news = self.shelf.reload()
        if news is None or self._app is None:
            return
        changed, failed = news
        for theme in changed:
            self._app.register_theme(theme.to_textual())
            if theme.name == self.theme.name:
                self.theme = theme
                self._app.redraw_theme()
        for error in failed:
            await self._app.chat.say(
                Notice(f"{error.message} {error.hint or ''} The old one stays.", is_error=True)
            )

    def present_value(self, name: str) -> tuple[object, str]:
        """What a setting is now, and where that comes from."""
        value, origin = self.preferences.value_of(name), str(self.preferences.origins[name])
        if name in TURN_SETTINGS and self._app is not None:
            here = getattr(self._app.chat.session.settings, name)
            if here != value:
                return here, "this chat"
        return value, origin

    def value_in_effect(self, name: str) -> str:
        """What a setting comes to that is left out, or `auto`; empty for one that says it itself."""
        if self._app is None:
            return ""
        value, _ = self.present_value(name)
        return in_effect(name, value, self._app.chat.session, self)

    def change_setting(self, name: str, raw: object) -> str:
        """Save and apply a value, or with None the default; returns what to say of it."""
        if name == "theme" and raw is not None:
            choose_theme(str(raw), self.shelf.themes, self._terminal)
        against = self.preferences.change(name, raw)
        self._apply(name)
        said = f"saved; {_when(name)}" if raw is not None else f"the default again; {_when(name)}"
        return f"{said}; {against}" if against else said

    def _apply(self, name: str) -> None:
        if name == "theme":
            self.use_theme(self.preferences.settings.theme)
        elif name in PACE_SETTINGS:
            self.pace = Pace.of(self.preferences.settings, over_ssh=self._terminal.is_remote)
            self._move()
        elif name in TURN_SETTINGS and self._app is not None:
            session = self._app.chat.session
            session.settings = replace(session.settings, **{name: self.preferences.value_of(name)})
            self._app.chat.query_one(Controls).show_settings()
        elif name == "title" and self._app is not None:
            self._app.show_title()

    def _move(self) -> None:
        if self._app is not None:
            self._app.animation_level = "none" if self.pace.is_calm else "full"
            self._app.chat.set_class(self.pace.is_calm, "-calm")


def _when(name: str) -> str:
    if name in RESTART_SETTINGS:
        return "it holds from the next start on"
    if name in TURN_SETTINGS:
        return "it holds from the next turn on"
    return "it holds from the next answer on" if name in PACE_SETTINGS else "it holds now"
