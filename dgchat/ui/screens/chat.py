"""The chat: transcript above, sliders and prompt below."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from dgchat.errors import DgchatError
from dgchat.session.attachments import read_attachments
from dgchat.session.commands import parse_command
from dgchat.session.first_run import is_first_run
from dgchat.session.session import Session
from dgchat.session.turn import Turn
from dgchat.ui.current_app import current_app
from dgchat.ui.engine_thread import start_loading
from dgchat.ui.interrupts import Interrupts
from dgchat.ui.keys import Keymap
from dgchat.ui.look import Look
from dgchat.ui.messages import ModelFailed, ModelLoaded, TurnEnded, TurnMoved
from dgchat.ui.resize_pace import SizedOnce
from dgchat.ui.screens.theme_picker import ThemePicker
from dgchat.ui.slash.commands import ChatCommands
from dgchat.ui.turn_course import TurnCourse
from dgchat.ui.turn_views import TurnViews
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.canvas_panel import PANEL_CLASS, CanvasPanel
from dgchat.ui.widgets.composer import Composer
from dgchat.ui.widgets.controls import Controls
from dgchat.ui.widgets.key_hints import KeyHints, choose_hints
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.page import Page
from dgchat.ui.widgets.prompt_box import PromptBox
from dgchat.ui.widgets.slider import Slider
from dgchat.ui.widgets.suggestion_list import SuggestionList
from dgchat.ui.widgets.title_bar import TitleBar
from dgchat.ui.widgets.transcript import Transcript
from dgchat.ui.widgets.welcome import Welcome

_WIDTHS = [(0, "-narrow"), (72, "-medium"), (110, "-wide"), (132, PANEL_CLASS)]
_HEIGHTS = [(0, "-short"), (14, "-high")]


class ChatScreen(SizedOnce):
    """Sends prompts to the session and shows what comes of them."""

    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "PromptBox"
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "stop, keep the draft", show=False),
        Binding("ctrl+c", "interrupt", "copy, stop, clear", show=False, priority=True),
        Binding("f1", "command('help')", "help", show=False),
        Binding("f2", "command('settings')", "settings", show=False),
        Binding("f3", "command('more')", "more", show=False),
        Binding("f5", "take_offer(0)", show=False, priority=True),
        Binding("f6", "take_offer(1)", show=False, priority=True),
        Binding("f7", "take_offer(2)", show=False, priority=True),
        Binding("alt+r", "command('replay')", "replay the last answer", show=False),
    ]

    def __init__(self, session: Session, look: Look, keymap: Keymap) -> None:
        super().__init__()
        self.session = session
        self.look = look
        self.keymap = keymap
        self.views = TurnViews()
        self.course = TurnCourse(self)
        self._commands = ChatCommands(self)
        self._interrupts = Interrupts(self, self._commands.conversations)

    def compose(self) -> ComposeResult:
        """Title, page, foot."""
        yield TitleBar()
        with Page(id="page", classes="-welcome"):
            yield Welcome(self.look, self.session.loading, self.keymap.offer_keys, is_first_run())
            yield CanvasPanel()
            yield Transcript()
            yield Static(Content("↓ new below"), id="new-below")
        with Vertical(id="foot"):
            yield Controls(self.session)
            yield Composer(self.session.prompts, self._commands.choices_of)
            yield KeyHints()

    def on_mount(self) -> None:
        """Load the model beside the screen."""
        self.show_hints()
        self.query_one(Controls).show_settings()
        start_loading(self.session, self)
        self.call_later(self._commands.conversations.begin)

    def on_screen_suspend(self) -> None:
        """Another screen lies over the chat: what it leaves of the big name would be stray blocks."""
        self.set_class(not isinstance(current_app(self).screen, ThemePicker), "-covered")

    def on_screen_resume(self) -> None:
        """Nothing lies over the chat any more."""
        self.remove_class("-covered")

    async def on_model_loaded(self, message: ModelLoaded) -> None:
        """Offer the model's own ranges."""
        self.query_one(TitleBar).info = message.info
        self.query_one(Controls).show_settings()
        self.show_hints()
        for welcome in self.query(Welcome):
            await welcome.show_ready(message.info, message.seconds)
        if self.views.latest and self.session.running:
            self.views.latest.enter_phase()
        if adjusted := self.session.adjusted:
            await self.query_one(Transcript).add(Notice(adjusted))

    async def on_model_failed(self, message: ModelFailed) -> None:
        """Say why there is no model, unless another try is under way."""
        if message.error is not self.session.load_error:
            return
        self.show_hints()
        for welcome in self.query(Welcome):
            welcome.show_failure()
        await self.say(Notice.of_error(message.error))

    async def on_turn_moved(self, message: TurnMoved) -> None:
        """Let the answer follow."""
        await self.course.follow(message.turn, message.event)

    async def on_turn_ended(self, message: TurnEnded) -> None:
        """Take the turn into the conversation, or give the prompt back."""
        await self.course.end(message.turn)

    async def on_prompt_box_submitted(self, message: PromptBox.Submitted) -> None:
        """Run a command or send a prompt; whatever goes wrong, the text returns to the box."""
        if not message.text.strip():
            self.flash("nothing to send yet")
            return
        box = self.query_one(PromptBox)
        try:
            command = parse_command(message.text)
            if command is None:
                attachments, missing = read_attachments(message.text, Path.cwd(), message.pasted_mentions)
                await self.course.begin(message.text, attachments=attachments)
                if missing:
                    self.flash(f"{' and '.join(f'@{name}' for name in missing)}: no file, sent as text")
        except DgchatError as error:
            if not self.give_back(message.text):
                box.remember(message.text)
            self.flash(str(error))
            return
        box.remember(message.text)
        if command is not None:
            await self.run_command(command[0].name, command[1])

    async def run_command(self, name: str, argument: str = "") -> None:
        """Run a command; what is wrong with its argument is said in the transcript."""
        try:
            await self._commands.run(name, argument)
        except DgchatError as error:
            await self.say(Notice.of_error(error))

    def view_of(self, turn: Turn) -> AnswerView:
        """A view of an answer, at this screen's pace and in its colours."""
        loading = self.session.loading if self.session.is_loading else None
        return AnswerView(turn, self.look.theme, self.look.pace, loading)

    def action_stop(self) -> None:
        """From a slider, go back to the prompt; from there, stop the answer within a step, or the loading."""
        self._interrupts.stop()

    def action_interrupt(self) -> None:
        """Copy what is selected, else stop, else clear the prompt; twice quits."""
        self._interrupts.interrupt()

    async def action_command(self, name: str) -> None:
        """Run a command of the table."""
        await self.run_command(name)

    def action_take_offer(self, place: int) -> None:
        """Ask what an empty chat offers in that place; elsewhere the key is the prompt's."""
        offers = [offer for welcome in self.query(Welcome) for offer in welcome.offers]
        if place >= len(offers):
            raise SkipAction
        self.post_message(PromptBox.Submitted(offers[place]))

    @on(PromptBox.HelpAsked)
    async def _open_help(self) -> None:
        await self.run_command("help")

    @on(Slider.MoreAsked)
    async def _open_more(self) -> None:
        await self.run_command("more")

    @on(PromptBox.QuitAsked)
    def _quit(self) -> None:
        current_app(self).exit()

    @on(PromptBox.Told)
    def _tell(self, message: PromptBox.Told) -> None:
        self.flash(message.text)

    @on(PromptBox.PageTurned)
    def _turn_page(self, message: PromptBox.PageTurned) -> None:
        self.query_one(Transcript).turn_page(message.direction)

    @on(TextArea.Changed)
    @on(SuggestionList.Offered)
    @on(Slider.Changed)
    def _refresh_hints(self) -> None:
        self.show_hints()

    @on(Slider.Changed, "#steps")
    def _choose_steps(self, message: Slider.Changed) -> None:
        self._commands.choose_steps(message.value)

    @on(Slider.Changed, "#tokens")
    def _choose_tokens(self, message: Slider.Changed) -> None:
        self._commands.choose_tokens(message.value)

    @on(Slider.Snapped, "#tokens")
    def _tell_whole_canvases(self) -> None:
        length, canvases = self.session.canvas_length, self.session.canvases
        self.flash(
            f"{length * canvases} tokens: whole canvases of {length}, and one costs the same however full"
        )

    def on_descendant_focus(self) -> None:
        """Other keys act on a slider than in the prompt."""
        self.show_hints()

    def on_transcript_left_end(self, message: Transcript.LeftEnd) -> None:
        """Say that there is something below what is being read."""
        self.query_one("#new-below").set_class(not message.is_at_end, "-shown")

    def on_transcript_remade(self, message: Transcript.Remade) -> None:
        """A message is shown by another widget from now on."""
        self.views.remake(message.before, message.after)

    async def on_answer_view_settled(self, message: AnswerView.Settled) -> None:
        """Keep track of what is still being drawn."""
        await self.views.settle(message.view)

    def end_trail(self) -> None:
        """A key was pressed: show the answer as far as it is, the name as it is, and no gap below."""
        self.query_one(Transcript).close_gap()
        for welcome in self.query(Welcome):
            welcome.skip()
        if self.views.latest is not None:
            self.views.latest.catch_up()

    def prepare(self, text: str) -> None:
        """Put a text into the prompt box, to be completed and sent by the reader."""
        box = self.query_one(PromptBox)
        if box.text.strip():
            box.remember(box.text)
        box.replace_text(text)
        box.focus()

    def flash(self, text: str) -> None:
        """Say something quietly, for a moment."""
        self.query_one(KeyHints).flash(text)

    async def say(self, notice: Notice) -> None:
        """Put a line of the program's own into the transcript."""
        await self.remove_welcome()
        await self.query_one(Transcript).add(notice)

    async def load_again(self) -> bool:
        """Back to the welcome, to load the model once more, if it is not there; whether it was not."""
        if not self.session.load_again():
            return False
        await self.clear()
        page = self.query_one("#page")
        page.add_class("-welcome")
        await page.mount(Welcome(self.look, self.session.loading, self.keymap.offer_keys), before=0)
        self.show_hints()
        start_loading(self.session, self)
        return True

    async def remove_welcome(self) -> None:
        """Make room for the conversation."""
        self.query_one("#page").remove_class("-welcome")
        for welcome in self.query(Welcome):
            await welcome.remove()

    async def clear(self) -> None:
        """Take everything off the screen."""
        self.views.forget()
        self.query_one(CanvasPanel).clear()
        await self.query_one(Transcript).empty()

    def give_back(self, prompt: str) -> bool:
        """Put a prompt into the box again, unless something else is there by now; whether it was."""
        box = self.query_one(PromptBox)
        if box.text:
            return False
        box.replace_text(prompt)
        return True

    def show_hints(self) -> None:
        self.query_one(KeyHints).hints = choose_hints(
            self.query_one(PromptBox).text,
            on_slider=isinstance(self.focused, Slider),
            is_choosing=self.query_one(SuggestionList).is_open,
            is_answering=self.session.running is not None,
            is_loading=self.session.is_loading,
        )
