"""The textual application: colours, keys, safety filter, palette, and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from dgchat.ui.clipboard import copy_sequence, fill_tmux_buffer
from dgchat.ui.external_editor import edit_text
from dgchat.ui.keys import Keymap
from dgchat.ui.keys_in_turn import KeysInTurn
from dgchat.ui.line_filter import SafeLines
from dgchat.ui.look import Look
from dgchat.ui.messages import TurnEnded
from dgchat.ui.resize_pace import ResizePace
from dgchat.ui.screens.chat import ChatScreen
from dgchat.ui.terminal import Multiplexer, Terminal
from dgchat.ui.terminal_link import forget_picture, thrifty, write_to_terminal
from dgchat.ui.terminal_signals import interrupts_ignored, leave_on_signals
from dgchat.ui.terminal_title import TerminalTitle
from dgchat.ui.widgets.prompt_box import PromptBox, without_controls
from dgchat.ui.widgets.title_bar import TitleBar

THEME_POLL_SECONDS = 1.0
"""How often the files of the themes are looked at."""

BELL_SECONDS = 5.0
"""An answer that took less does not ring."""


class DgchatApp(App[None]):
    """One chat in one terminal."""

    TITLE = "dgchat"
    CSS_PATH = "app.tcss"
    DEFAULT_MODE = "chat"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
        Binding("ctrl+c", "interrupt", "copy, close, stop", show=False, priority=True),
    ]

    def __init__(self, session: Session, look: Look, keymap: Keymap, terminal: Terminal) -> None:
        self._safe_lines = SafeLines()
        self._look = look
        super().__init__()
        self._session = session
        self._terminal = terminal
        self.keymap = keymap
        self.terminal_title = TerminalTitle(partial(write_to_terminal, self))
        for known in look.shelf.themes.values():
            self.register_theme(known.to_textual())
        self.theme = look.theme.name
        self.chat = ChatScreen(session, look, keymap)
        self.add_mode(self.DEFAULT_MODE, lambda: self.chat)  # pyright: ignore[reportUnknownMemberType]
        self._resize_pace = ResizePace(self.set_timer)
        self._keys_in_turn = KeysInTurn(self)
        self.crash: BaseException | None = None
        """What ended the chat, if the program is at fault."""

    def on_mount(self) -> None:
        """Show the chat, watch over themes, title and motion, and go when told to."""
        leave_on_signals(self._leave)
        self._look.attach(self)
        self.set_interval(THEME_POLL_SECONDS, self._look.reload_themes)
        self.call_after_refresh(self._watch_topic)

    def on_resize(self, event: events.Resize) -> None:
        """A terminal that changes its size moves what it shows; where it is as large as before by the time it
        is followed, the chat is not laid out anew, but what it has lost is drawn.
        """
        forget_picture(self)
        if event.size == self.chat.outer_size:
            self.chat.refresh()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Values for the variables that only our own themes have."""
        return dict(self._look.theme.to_textual().variables)

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
        """A pressed key becomes the one of the table that it stands for, and ends what still moves."""
        if isinstance(event, events.Resize) and not self._resize_pace.passes(event, self.post_message):
            return
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._keys_in_turn.passes(event):
                await self._take_key(event)
                self._keys_in_turn.next()
            return
        await super().on_event(event)

    async def _take_key(self, event: events.Key) -> None:
        if not self.screen_stack:  # the chat has been quit by a key before it
            return
        meant = self.keymap.meant(event.key, in_chat=self.screen is self.chat)
        if meant is None:
            return
        if meant != event.key:
            event = events.Key(meant, None)
        self.chat.end_trail()
        widget = self.focused or self.screen
        await super().on_event(event)
        self._keys_in_turn.follow(event, widget if event.is_forwarded else self)

    def on_turn_ended(self, message: TurnEnded) -> None:
        """Ring for whoever looks elsewhere, if they want it."""
        finished = message.turn.finished
        if finished is None or self.app_focus or not self._look.preferences.settings.bell:
            return
        if finished.stats.prefill_seconds + finished.stats.denoise_seconds >= BELL_SECONDS:
            self.bell()

    def copy_to_clipboard(self, text: str) -> None:
        """Hand the text to the terminal's clipboard, and say so, or why not."""
        try:
            sequence = copy_sequence(text, self._terminal.multiplexer)
        except DgchatError as error:
            self.chat.flash(str(error))
            return
        self._clipboard = text
        if self._terminal.multiplexer is Multiplexer.TMUX:
            fill_tmux_buffer(text)
        if self._driver is not None:
            self._driver.write(sequence)
        self.chat.flash(f"copied {len(text):,} characters" if len(text) != 1 else "copied 1 character")

    def on_prompt_box_editor_asked(self, message: PromptBox.EditorAsked) -> None:
        """Let the reader write in their editor; whatever fails, the text in the box stays."""
        try:
            text = self._edit_outside(message.box.text)
        except SuspendNotSupported:
            self.chat.flash("this terminal cannot be lent to an editor")
        except DgchatError as error:
            self.chat.flash(str(error))
        else:
            message.box.replace_text(without_controls(text))

    def _edit_outside(self, text: str) -> str:
        failure: DgchatError | None = None
        with self.suspend(), interrupts_ignored(self._leave):
            try:
                text = edit_text(text, self._terminal.editor)
            except DgchatError as error:
                failure = error  # raised in here, it would leave the terminal suspended
        if failure:
            raise failure
        return text

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

    def take_crash(self, error: BaseException) -> None:
        """Leave because of an error that ended a thread."""
        self.crash = self.crash or error
        self._session.cancel()
        self.exit(return_code=1)

    def _fatal_error(self) -> None:
        """Leave without textual's traceback, which shows what variables hold: prompts, tokens, escapes."""
        self.crash = self.crash or self._exception
        self._session.cancel()
        self._close_messages_no_wait()

    def redraw_theme(self) -> None:
        """Draw everything anew: the colours of the present theme are others now."""
        self.mutate_reactive(DgchatApp.theme)

    def show_title(self) -> None:
        """Name the conversation in the terminal's title, if the reader wants it."""
        if self._look.preferences.settings.title:
            self.terminal_title.show(self.chat.query_one(TitleBar).topic)

    def _watch_topic(self) -> None:
        self.watch(self.chat.query_one(TitleBar), "topic", self.show_title)

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
