"""Keys, commands and the legend of the canvas, on one page."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dgchat.session.commands import COMMANDS
from dgchat.ui.keys import SLIDER_KEYS, Keymap
from dgchat.ui.widgets.legend import legend

_WIDTHS = [(0, "-narrow"), (60, "-wide")]


class HelpScreen(ModalScreen[None]):
    """Any of esc, F1, enter and q closes it."""

    CSS_PATH = "help.tcss"
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,enter,q,question_mark", "dismiss", "close", show=False)
    ]

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="help"):
            yield Static(Content("what the canvas shows"), classes="help-title -first")
            yield Static(legend())
            for title, rows in self._tables():
                yield Static(Content(title), classes="help-title")
                for left, right in rows:
                    with Horizontal(classes="help-row"):
                        yield Static(Content(left), classes="help-left")
                        yield Static(Content(right), classes="help-right")
            yield Static(Content("↑ ↓ scroll · esc closes"), classes="help-foot")

    def _tables(self) -> list[tuple[str, list[tuple[str, str]]]]:
        commands = [(command.usage, command.summary) for command in COMMANDS]
        as_is = ("space /...", "sends a line that begins with a slash as it is")
        return [
            ("keys", list(self._keymap.rows())),
            ("on a slider", list(SLIDER_KEYS)),
            ("commands", [*commands, as_is]),
        ]
