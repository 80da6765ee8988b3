"""The bottom lines: the keys that do something now, or a quiet word about what just happened."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from dgchat.safe_text import visible
from dgchat.session.commands import complete_command

FLASH_SECONDS = 3.0

_GAP = "   "

Hints = tuple[tuple[str, str], ...]
"""Pairs of a key and what it does."""

IDLE_HINTS: Hints = (
    ("enter", "send"),
    ("tab", "sliders"),
    ("/", "commands"),
    ("F1", "help"),
    ("F2", "settings"),
    ("ctrl+q", "quit"),
)
LOADING_HINTS: Hints = (("esc", "stop loading"), *IDLE_HINTS)
RUNNING_HINTS: Hints = (("esc", "stop, keep the draft"), ("ctrl+p", "commands"), ("F1", "help"))
SLIDER_HINTS: Hints = (
    ("←→", "change"),
    ("d b f", "draft, balanced, full"),
    ("0-9", "type it"),
    ("m", "more"),
    ("tab", "next"),
    ("esc", "back"),
)


CHOOSING_HINTS: Hints = (("↑↓", "choose"), ("tab", "complete"), ("enter", "take"), ("esc", "close"))


def choose_hints(
    typed: str, *, on_slider: bool, is_choosing: bool, is_answering: bool, is_loading: bool
) -> Hints:
    """What is worth knowing now: how a command that is whole goes on, else the keys that do something."""
    if is_choosing:
        return CHOOSING_HINTS
    candidates = complete_command(typed)
    if len(candidates) == 1:
        return ((candidates[0].usage, candidates[0].summary),)
    if on_slider:
        return SLIDER_HINTS
    if is_answering:
        return RUNNING_HINTS
    return LOADING_HINTS if is_loading and not typed else IDLE_HINTS


class KeyHints(Widget):
    """Shows key hints, and for a moment a message in their place."""

    hints: reactive[Hints] = reactive[Hints](())
    message: reactive[str] = reactive("")

    def __init__(self) -> None:
        super().__init__()
        self._timer: Timer | None = None

    def flash(self, message: str) -> None:
        """Say something for a moment."""
        self.message = message
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(FLASH_SECONDS, self.clear)

    def clear(self) -> None:
        """Show the keys again."""
        self.message = ""

    def watch_message(self, message: str) -> None:
        """Be seen while there is something to say, even where keys have no room."""
        self.set_class(bool(message), "-speaking")

    def render(self) -> Content:
        """As many hints as fit, the first ones first."""
        if self.message:
            return Content(visible(self.message, newlines=False)).truncate(self.size.width, ellipsis=True)
        rows = [Content("")]
        for key, does in self.hints:
            hint = Content.assemble((key, "$accent"), " ", (does, "$muted"))
            if not rows[-1].cell_length:
                rows[-1] = hint
            elif rows[-1].cell_length + len(_GAP) + hint.cell_length <= self.size.width:
                rows[-1] = rows[-1] + _GAP + hint
            elif len(rows) < self.size.height:
                rows.append(hint)
            else:
                break
        return Content("\n").join(rows)
