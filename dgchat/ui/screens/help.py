"""Keys, commands and the legend of the canvas, on one page."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dgchat.session.commands import COMMANDS

KEYS = (
    ("enter", "send"),
    ("ctrl+j  alt+enter", "new line; shift+enter where the terminal tells it"),
    ("esc", "stop, keep the draft; stop the loading of the model; close what is open"),
    ("ctrl+c", "copy, else stop, else clear; twice quits"),
    ("ctrl+q  ctrl+d", "quit; ctrl+d on an empty prompt"),
    ("up  down", "earlier prompts"),
    ("ctrl+r", "find what is typed in an earlier prompt; again: in one before it"),
    ("pgup  pgdn", "scroll the conversation"),
    ("tab", "to the sliders; complete a /command"),
    ("alt+r", "replay the last answer; its keys stand at its foot"),
    ("ctrl+p", "all commands"),
    ("F1  ?", "this help"),
    ("space", "before a slash: send the line as it is"),
)


class HelpScreen(ModalScreen[None]):
    """Any of esc, F1, enter and q closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,enter,q,question_mark", "dismiss", "close", show=False)
    ]

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="help"):
            yield Static(Content("what the canvas shows"), classes="help-title")
            yield Static(_legend())
            yield Static(Content("keys"), classes="help-title")
            yield Static(_table(KEYS))
            yield Static(Content("commands"), classes="help-title")
            yield Static(_table([(command.usage, command.summary) for command in COMMANDS]))
            yield Static(Content("esc closes"), classes="help-foot")


def _legend() -> Content:
    return Content.assemble(
        ("settled", "$foreground"),
        ("   unchanged for some steps\n", "$muted"),
        ("fresh", "bold $fresh"),
        ("     has just settled\n", "$muted"),
        ("draft", "italic $draft-2"),
        ("     may still change; the fainter, the less sure the model is\n", "$muted"),
        ("mind", "italic underline $draft-2"),
        ("      was settled, and was changed after all\n", "$muted"),
        ("░▒▓", "$noise"),
        ("       not known yet\n", "$muted"),
        ("▏▎▍▌", "$accent"),
        ("      how much of the line has settled", "$muted"),
    )


def _table(rows: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> Content:
    width = max(len(left) for left, _ in rows) + 3
    lines = [Content.assemble((left.ljust(width), "$accent"), (right, "$muted")) for left, right in rows]
    return Content("\n").join(lines)
