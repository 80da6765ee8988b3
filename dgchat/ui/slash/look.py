"""Commands about how the chat looks, and about what shapes its answers: each opens a screen over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgchat.ui.current_app import current_app
from dgchat.ui.screens.more import MoreScreen
from dgchat.ui.screens.settings import SettingsScreen
from dgchat.ui.screens.theme_picker import ThemePicker
from dgchat.ui.widgets.controls import Controls

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen
    from dgchat.ui.slash.commands import Handler


class LookCommands:
    """/theme, /settings and /more."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._look = screen.look

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        return {"theme": self._theme, "settings": self._settings, "more": self._more}

    async def _theme(self, argument: str) -> None:
        if argument:
            self._screen.flash(f"theme {self._look.use_theme(argument).name}, until dgchat ends")
            return
        names = sorted(self._look.shelf.themes)
        picker = ThemePicker(names, self._look.theme.name, self._look.use_theme)
        current_app(self._screen).push_screen(picker, self._keep_theme)

    def _keep_theme(self, name: str | None) -> None:
        if name:
            self._screen.flash(f"theme {name}: {self._look.change_setting('theme', name)}")

    async def _settings(self, argument: str) -> None:
        current_app(self._screen).push_screen(SettingsScreen(self._look))

    async def _more(self, argument: str) -> None:
        controls = self._screen.query_one(Controls)
        current_app(self._screen).push_screen(MoreScreen(self._screen.session, controls.show_settings))
