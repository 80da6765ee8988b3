"""What could be typed next, in a list above the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dgchat.safe_text import visible
from dgchat.session.completion import Suggestion

_GAP = 3
_MAX_LABEL = 40


class SuggestionList(OptionList, can_focus=False):
    """Lies over what is above the prompt while it has something to offer; the prompt keeps the focus."""

    class Offered(Message):
        """There is something else in the list, or nothing any more."""

    class Clicked(Message):
        """A suggestion was chosen with the mouse."""

        def __init__(self, suggestion: Suggestion) -> None:
            super().__init__()
            self.suggestion = suggestion

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._suggestions: Sequence[Suggestion] = ()
        self.was_moved = False
        """Whether the reader has walked through the list."""

    @property
    def is_open(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._suggestions)

    @property
    def chosen(self) -> Suggestion | None:
        """The suggestion that is highlighted."""
        return self._suggestions[self.highlighted or 0] if self._suggestions else None

    def offer(self, suggestions: Sequence[Suggestion]) -> None:
        """Show these, the first one highlighted; nothing is shown for none."""
        if suggestions == self._suggestions:
            return
        self._suggestions, self.was_moved = suggestions, False
        has_summaries = any(one.summary for one in suggestions)
        longest = max((cell_len(one.label) for one in suggestions), default=0)
        width = (min(_MAX_LABEL, longest) if has_summaries else longest) + _GAP
        self.set_options([Option(_row(one, width)) for one in suggestions])
        self.highlighted = 0 if suggestions else None
        self.set_class(bool(suggestions), "-open")
        self.post_message(self.Offered())

    def move(self, rows: int) -> None:
        """Highlight another suggestion; behind the last comes the first."""
        if self._suggestions:
            self.was_moved = True
            self.highlighted = ((self.highlighted or 0) + rows) % len(self._suggestions)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click chooses."""
        event.stop()
        if event.option_index < len(self._suggestions):
            self.post_message(self.Clicked(self._suggestions[event.option_index]))


def _row(suggestion: Suggestion, width: int) -> Content:
    """Label and summary in columns; the summary has the colour of the list, and of the row if highlighted."""
    label = Content(visible(suggestion.label, newlines=False)).truncate(width - _GAP, ellipsis=True)
    summary = visible(suggestion.summary, newlines=False)
    return Content.assemble(label.pad_right(width - label.cell_length).stylize("$foreground"), summary)
