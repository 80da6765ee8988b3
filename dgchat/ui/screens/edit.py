"""A list of values over the chat, each explained, changed in place, and put back to its default."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from dgchat.errors import DgchatError
from dgchat.safe_text import visible

_HEIGHTS = [(0, "-short"), (20, "-high")]
_PADDING_CELLS = 2
_NAME_CELLS = 22
_NOTE_CELLS = 12
_LEAST_VALUE_CELLS = 8


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    """What the value is called."""
    value: str
    """As it stands now."""
    note: str
    """Where it comes from, in a word or two."""
    doc: str
    """The sentence that explains it."""
    choices: tuple[str, ...] = ()
    """The few values it can have; empty if it is typed."""
    typed: str = ""
    """What is in the line when it is to be changed."""


class EditScreen(ModalScreen[None]):
    """Up and down choose, enter changes, backspace takes the default, esc closes."""

    CSS_PATH = "edit.tcss"
    AUTO_FOCUS = "#edit-rows"
    VERTICAL_BREAKPOINTS = _HEIGHTS
    HEADING = ""
    HINT = "enter changes · backspace takes the default · esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False),
        Binding("backspace,delete", "take_default", "default", show=False),
    ]

    @abstractmethod
    def rows(self) -> Sequence[Row]:
        """What can be changed, as it stands now."""

    @abstractmethod
    def change(self, name: str, raw: str | None) -> str:
        """Take a new value, or with None the default; returns what to say. DgchatError if it cannot be."""

    def compose(self) -> ComposeResult:
        """Heading, rows, what the row means, the line to type in, hints."""
        with Vertical(id="edit"):
            yield Static(
                Content.assemble((self.HEADING, "bold"), "  ", (self.subheading(), "$muted")), id="edit-head"
            )
            yield OptionList(id="edit-rows")
            yield Static(id="edit-doc")
            yield Input(id="edit-line", compact=True, select_on_focus=False)
            yield Static(Content(self.HINT), id="edit-hint")

    def subheading(self) -> str:
        """What stands beside the heading."""
        return ""

    def on_mount(self) -> None:
        """Show the rows once their width is known."""
        self.query_one(Input).cursor_blink = False
        self.call_after_refresh(self._show_rows)

    def on_resize(self) -> None:
        """Cut the rows anew."""
        self.call_after_refresh(self._show_rows)

    def on_option_list_option_highlighted(self) -> None:
        """Explain the row, and show it in full strength."""
        self._explain()
        self._show_rows()

    def on_option_list_option_selected(self) -> None:
        """Take the next of few values, or open the line to type one."""
        row = self._row()
        if not row.choices:
            self._open_line(row)
            return
        place = row.choices.index(row.typed) if row.typed in row.choices else -1
        self._take(row.name, row.choices[(place + 1) % len(row.choices)])

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Take what was typed; what cannot be is told, and stays in the line."""
        message.stop()
        if self._take(self._row().name, message.value):
            self._close_line()

    def action_close(self) -> None:
        """Leave the line, or the screen."""
        if self.query_one(Input).has_class("-open"):
            self._close_line()
            self._explain()
        else:
            self.dismiss()

    def action_take_default(self) -> None:
        """Put the row back."""
        self._take(self._row().name, None)

    def _row(self) -> Row:
        return self.rows()[self.query_one(OptionList).highlighted or 0]

    def _take(self, name: str, raw: str | None) -> bool:
        try:
            said = self.change(name, raw)
        except DgchatError as error:
            self._say(str(error), is_error=True)
            return False
        self._show_rows()
        self._say(said)
        return True

    def _open_line(self, row: Row) -> None:
        line = self.query_one(Input)
        line.value = row.typed
        line.cursor_position = len(row.typed)
        line.add_class("-open")
        line.focus()

    def _close_line(self) -> None:
        self.query_one(Input).remove_class("-open")
        self.query_one(OptionList).focus()

    def _explain(self) -> None:
        self._say(self._row().doc)

    def _say(self, text: str, *, is_error: bool = False) -> None:
        doc = self.query_one("#edit-doc", Static)
        doc.set_class(is_error, "-error")
        doc.update(Content(visible(text)))

    def _show_rows(self) -> None:
        options = self.query_one(OptionList)
        width = options.scrollable_content_region.width - _PADDING_CELLS
        prompts = [
            self._prompt(row, width, is_chosen=place == (options.highlighted or 0))
            for place, row in enumerate(self.rows())
        ]
        if options.option_count != len(prompts):
            options.clear_options()
            options.add_options([Option(prompt) for prompt in prompts])
            options.highlighted = 0
            return
        for place, prompt in enumerate(prompts):
            options.replace_option_prompt_at_index(place, prompt)

    def _prompt(self, row: Row, width: int, *, is_chosen: bool) -> Content:
        note = _NOTE_CELLS if width >= _NAME_CELLS + _NOTE_CELLS + _LEAST_VALUE_CELLS else 0
        value = Content(visible(row.value, newlines=False))
        room = max(_LEAST_VALUE_CELLS, width - _NAME_CELLS - note)
        shown = value.truncate(room - 1, ellipsis=True)
        gap = " " * (room - shown.cell_length)
        faint = "" if is_chosen else "$muted"
        return Content.assemble(row.name.ljust(_NAME_CELLS), shown, gap, (row.note[:note], faint))
