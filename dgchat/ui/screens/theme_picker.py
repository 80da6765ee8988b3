"""Themes to choose from, each tried on while the cursor stands on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from dgchat.safe_text import visible
from dgchat.ui.widgets.legend import sample_of_states


class ThemePicker(ModalScreen[str]):
    """Gives the chosen name; esc puts back the theme it was opened with, and gives an empty one."""

    CSS_PATH = "theme_picker.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "restore", "restore", show=False)]

    def __init__(self, names: Sequence[str], present: str, preview: Callable[[str], object]) -> None:
        super().__init__()
        self._names = tuple(names)
        self._present = present
        self._preview = preview

    def compose(self) -> ComposeResult:
        """The names, and how an answer looks half denoised."""
        with Vertical(id="themes"):
            yield Static(Content("themes"), id="themes-head")
            yield OptionList(*(Option(Content(visible(name, newlines=False))) for name in self._names))
            yield Static(sample_of_states(), id="themes-sample")
            yield Static(Content("enter keeps it · esc restores"), id="themes-hint")

    def on_mount(self) -> None:
        """Begin at the theme that is on."""
        if self._present in self._names:
            self.query_one(OptionList).highlighted = self._names.index(self._present)

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        """Try it on."""
        self._preview(self._names[message.option_index])

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Keep it."""
        self.dismiss(self._names[message.option_index])

    def action_restore(self) -> None:
        """Back to how it was."""
        self._preview(self._present)
        self.dismiss("")
