"""The prompt with its mark, and the list of what could be typed next above it."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from dgchat.session.completion import Choices, Suggestion, suggest
from dgchat.session.prompt_history import PromptHistory
from dgchat.ui.widgets.prompt_box import PromptBox
from dgchat.ui.widgets.suggestion_list import SuggestionList

_MARK = Content("\u276f")
_SEARCH_MARK = Content("earlier prompts \u276f")


class Composer(Vertical):
    """Where a prompt is written."""

    def __init__(self, history: PromptHistory, choices: Choices) -> None:
        """`choices`: the known arguments of a command, by its name."""
        super().__init__()
        self._list = SuggestionList()
        self._choices = choices
        self._box = PromptBox(history, self._list, self._suggest)

    def compose(self) -> ComposeResult:
        """The list, which takes no room, and the prompt's row."""
        yield self._list
        with Horizontal(id="prompt-row"):
            yield Static(_MARK, id="prompt-mark")
            yield self._box

    def on_suggestion_list_clicked(self, message: SuggestionList.Clicked) -> None:
        """Take what was clicked; it is the reader who sends it."""
        if self._box.is_searching:
            self._box.replace_text(message.suggestion.text)
        else:
            self._box.take(message.suggestion)

    def on_prompt_box_search_toggled(self, message: PromptBox.SearchToggled) -> None:
        """Say that letters are looked for now."""
        self.query_one("#prompt-mark", Static).update(_SEARCH_MARK if message.is_searching else _MARK)

    def _suggest(self, before: str, is_first_line: bool) -> list[Suggestion]:
        return suggest(before, is_first_line, self._choices, Path.cwd())
