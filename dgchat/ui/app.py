"""The textual application: colours, safety filter, palette, and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widgets import Input

from dgchat.errors import DgchatError
from dgchat.session.commands import COMMANDS, Command
from dgchat.session.session import Session
from dgchat.ui.clipboard import copy_sequence
from dgchat.ui.external_editor import edit_text
from dgchat.ui.line_filter import SafeLines
from dgchat.ui.pace import Pace
from dgchat.ui.screens.chat import ChatScreen
from dgchat.ui.terminal import Terminal
from dgchat.ui.terminal_link import forget_picture, thrifty
from dgchat.ui.terminal_signals import interrupts_ignored, leave_on_signals
from dgchat.ui.theme import ChatTheme, choose_theme
from dgchat.ui.widgets.prompt_box import PromptBox, without_controls


class DgchatApp(App[None]):
    """One chat in one terminal."""

    TITLE = "dgchat"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
        Binding("ctrl+c", "interrupt", "copy, close, stop", show=False, priority=True),
    ]

    def __init__(
        self,
        session: Session,
        themes: Mapping[str, ChatTheme],
        theme: ChatTheme,
        pace: Pace,
        terminal: Terminal,
    ) -> None:
        self._safe_lines = SafeLines()
        self._first_theme = theme
        super().__init__()
        self._session = session
        self._themes = themes
        self._terminal = terminal
        for known in themes.values():
            self.register_theme(known.to_textual())
        self.theme = theme.name
        self.chat = ChatScreen(session, theme, pace, self.use_theme)

    def on_mount(self) -> None:
        """Show the chat, and go when told to."""
        leave_on_signals(self._leave)
        self.push_screen(self.chat)

    def on_resize(self) -> None:
        """A terminal that changes its size moves what it shows."""
        forget_picture(self)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Values for the variables that only our own themes have."""
        return dict(self._first_theme.to_textual().variables)

    def get_driver_class(self) -> type[Driver]:
        """The platform's driver, which here says the same in fewer bytes."""
        return thrifty(super().get_driver_class())

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The safety filter first: those behind it need a style on every segment."""
        return [self._safe_lines, *super().get_line_filters()]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette offers the commands of the one table."""
        if screen is not self.chat:
            return
        for command in COMMANDS:
            yield SystemCommand(f"/{command.name}", command.summary, partial(self._take_command, command))

    async def on_event(self, event: events.Event) -> None:
        """Any key ends the trail before it does what it does."""
        if isinstance(event, events.Key):
            self.chat.end_trail()
        await super().on_event(event)

    def use_theme(self, name: str) -> ChatTheme:
        """Change to the named theme, or to the next one if the name is empty."""
        if not name:
            names = sorted(self._themes)
            name = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]
        theme = choose_theme(name, self._themes, light_background=False)
        self.theme = theme.name
        return theme

    def copy_to_clipboard(self, text: str) -> None:
        """Hand the text to the terminal's clipboard, and say so, or why not."""
        try:
            sequence = copy_sequence(text, self._terminal.multiplexer)
        except DgchatError as error:
            self.chat.flash(str(error))
            return
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(sequence)
        self.chat.flash(f"copied {len(text):,} characters" if len(text) != 1 else "copied 1 character")

    def on_prompt_box_editor_asked(self, message: PromptBox.EditorAsked) -> None:
        """Let the reader write in their editor; whatever fails, the text in the box stays."""
        box = message.box
        try:
            with self.suspend(), interrupts_ignored(self._leave):
                text = edit_text(box.text, self._terminal.editor)
        except SuspendNotSupported:
            self.chat.flash("this terminal cannot be lent to an editor")
        except DgchatError as error:
            self.chat.flash(str(error))
        else:
            box.replace_text(without_controls(text))

    async def action_quit(self) -> None:
        """Stop what runs, and leave."""
        self._session.cancel()
        self.exit()

    def action_interrupt(self) -> None:
        """Close what lies over the chat and stop the answer; a selection there is copied, as anywhere.

        Without an answer it only closes: a prompt that is half typed is not cleared unseen.
        """
        if not self.screen.is_modal or self._is_something_selected():
            raise SkipAction
        self.simulate_key("escape")
        if self._session.running is not None:
            self.chat.action_interrupt()

    def _is_something_selected(self) -> bool:
        is_in_input = isinstance(self.focused, Input) and bool(self.focused.selected_text)
        return is_in_input or bool(self.screen.get_selected_text())

    def _leave(self, exit_code: int) -> None:
        self._session.cancel()
        self.exit(return_code=exit_code)

    async def _take_command(self, command: Command) -> None:
        if command.argument:
            self.chat.prepare(f"/{command.name} ")
        else:
            await self.chat.run_command(command.name)
