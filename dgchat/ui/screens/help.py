"""Keys, commands and the legend of the canvas, on one page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dgchat.session.commands import COMMANDS
from dgchat.ui.keys import SLIDER_KEYS, Keymap
from dgchat.ui.widgets.legend import legend

_WIDEST_LEFT = 20
_NARROW = 60


class HelpScreen(ModalScreen[None]):
    """Any of esc, F1, enter and q closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,enter,q,question_mark", "dismiss", "close", show=False)
    ]

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="help"):
            yield Static(Content("what the canvas shows"), classes="help-title")
            yield Static(legend())
            for title, rows in self._tables():
                yield Static(Content(title), classes="help-title")
                yield Static(_table(rows, self.app.size.width), classes="help-table")
            yield Static(Content("↑ ↓ scroll · esc closes"), classes="help-foot")

    def _tables(self) -> list[tuple[str, list[tuple[str, str]]]]:
        commands = [(command.usage, command.summary) for command in COMMANDS]
        as_is = ("space /...", "sends a line that begins with a slash as it is")
        return [
            ("keys", list(self._keymap.rows())),
            ("on a slider", list(SLIDER_KEYS)),
            ("commands", [*commands, as_is]),
        ]


def _table(rows: Iterable[tuple[str, str]], screen_width: int) -> Content:
    """Two columns; a long left side, or a narrow screen, puts the right one below."""
    lines: list[Content] = []
    for left, right in rows:
        is_below = len(left) > _WIDEST_LEFT or screen_width < _NARROW
        gap = f"\n{' ' * (2 if screen_width < _NARROW else _WIDEST_LEFT + 2)}" if is_below else ""
        lines.append(
            Content.assemble(
                (left.ljust(0 if is_below else _WIDEST_LEFT + 2), "$accent"), gap, (right, "$muted")
            )
        )
    return Content("\n").join(lines)
