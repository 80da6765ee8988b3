"""Where the reader writes: enter sends, a paste is only ever inserted, arrows walk through what was sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unicodedata import category

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from dgchat.errors import DgchatError
from dgchat.safe_text import visible
from dgchat.session.attachments import find_mentions
from dgchat.session.completion import Suggestion
from dgchat.session.prompt_history import PromptHistory
from dgchat.ui.current_app import current_app
from dgchat.ui.widgets.suggestion_list import SuggestionList

_NEW_LINE_KEYS = frozenset({"shift+enter", "ctrl+j", "alt+enter"})
_SCROLL_KEYS = {"pageup": -1, "pagedown": 1}
_LIST_KEYS = {"up": -1, "down": 1, "ctrl+r": 1}

Suggest = Callable[[str, bool], Sequence[Suggestion]]
"""From what stands before the cursor in its line, and whether that is the first, to what it could become."""


class PromptBox(TextArea):
    """A text area that grows with its text, keeps the history of prompts, and offers what could be typed."""

    class Submitted(Message):
        """Enter was pressed; the text has left the box."""

        def __init__(self, text: str, pasted_mentions: frozenset[str] = frozenset()) -> None:
            super().__init__()
            self.text = text
            self.pasted_mentions = pasted_mentions
            """Paths behind an @ that came with a paste: nobody asked for those files."""

    class HelpAsked(Message):
        """A question mark was typed into the empty box."""

    class QuitAsked(Message):
        """ctrl+d was pressed in the empty box."""

    @dataclass
    class EditorAsked(Message):
        """The reader wants to go on in an editor."""

        box: PromptBox

    @dataclass
    class Told(Message):
        """There is something to say, quietly."""

        text: str

    @dataclass
    class SearchToggled(Message):
        """What is typed is looked for in earlier prompts, or no longer."""

        is_searching: bool

    class PageTurned(Message):
        """The reader wants to scroll what is above the box."""

        def __init__(self, direction: int) -> None:
            super().__init__()
            self.direction = direction

    def __init__(self, history: PromptHistory, suggestions: SuggestionList, suggest: Suggest) -> None:
        super().__init__(
            soft_wrap=True,
            show_line_numbers=False,
            highlight_cursor_line=False,
            compact=True,
            placeholder="ask something",
        )
        self.cursor_blink = False
        self._history = history
        self._list = suggestions
        self._suggest = suggest
        self._closed_for: str | None = ""
        self._unsearched: str | None = None
        self._pasted_mentions: set[str] = set()

    @property
    def is_searching(self) -> bool:
        """Whether what is typed is looked for in earlier prompts."""
        return self._unsearched is not None

    def replace_text(self, text: str) -> None:
        """Put the text into the box, the cursor behind it; nothing is offered before a key was pressed."""
        self.end_search()
        self.text = text
        self.move_cursor(self.document.end)
        self.close_list()

    def take(self, suggestion: Suggestion) -> None:
        """Put a suggestion in the place of what stands before the cursor."""
        self.end_search()
        row, column = self.cursor_location
        if result := self._replace_via_keyboard(suggestion.text, (row, 0), (row, column)):
            self.move_cursor(result.end_location)
        self.update_list()

    def remember(self, prompt: str) -> None:
        """Add a sent prompt to the history."""
        try:
            self._history.add(prompt)
        except DgchatError as error:
            self.post_message(self.Told(str(error)))

    def update_list(self) -> None:
        """Offer what the text before the cursor could become, unless that was declined."""
        if self.is_searching:
            self._list.offer([_found(prompt) for prompt in self._history.matches(self.text)])
            return
        before = self._before_cursor
        self._closed_for = None if before != self._closed_for else before
        is_first_line = self.cursor_location[0] == 0
        self._list.offer([] if self._closed_for == before else self._suggest(before, is_first_line))

    def close_list(self) -> None:
        """Offer nothing for the text as it is."""
        self._closed_for = self._before_cursor
        self._list.offer([])

    def end_search(self) -> None:
        """Search no longer; the text stays what it is."""
        if self.is_searching:
            self._unsearched = None
            self.post_message(self.SearchToggled(is_searching=False))
            self.close_list()

    async def _on_key(self, event: events.Key) -> None:
        self.update_list()
        is_choosing = self._list.is_open or self.is_searching
        if (is_choosing and self._steers_list(event.key)) or self._handles(event):
            event.stop()
            event.prevent_default()
        elif event.key.startswith("alt+"):
            event.prevent_default()  # a letter with alt is no text; what is bound to it may still act
        else:
            await super()._on_key(event)
            if not event.is_printable and await self._acts_at_once(event.key):
                event.stop()
                event.prevent_default()

    async def _acts_at_once(self, key: str) -> bool:
        """Do what a key means to a text area; textual would let the letters that came with it overtake it."""
        for binding in self._bindings.key_to_bindings.get(key, ()):
            if await current_app(self).run_action(binding.action, self):
                return True
        return False

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = without_controls(event.text)
        self._pasted_mentions.update(find_mentions(text))
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    def on_text_area_changed(self) -> None:
        """Offer what the new text could become."""
        self.update_list()

    @property
    def _before_cursor(self) -> str:
        row, column = self.cursor_location
        return self.document.get_line(row)[:column]

    def _handles(self, event: events.Key) -> bool:
        key = event.key
        if key in _NEW_LINE_KEYS:
            self._replace_via_keyboard("\n", *self.selection)
            self.call_after_refresh(self.scroll_cursor_visible)  # the box may have grown by then
        elif key in _SCROLL_KEYS:
            self.post_message(self.PageTurned(_SCROLL_KEYS[key]))
        elif key in ("up", "down"):
            return self._walk_history(key)
        elif action := {"enter": self._submit, "ctrl+r": self._search, "ctrl+g": self._ask_editor}.get(key):
            action()
        elif not self.text and event.character == "?":
            self.post_message(self.HelpAsked())
        elif not self.text and key == "ctrl+d":
            self.post_message(self.QuitAsked())
        else:
            return False
        return True

    def _steers_list(self, key: str) -> bool:
        """Whether the key moves in the open list, takes from it, or closes it."""
        chosen = self._list.chosen
        if key in _LIST_KEYS:
            self._list.move(_LIST_KEYS[key])
        elif key == "escape":
            self._decline()
        elif key in ("tab", "enter") and self.is_searching:
            self.replace_text(chosen.text if chosen else self._unsearched or "")
        elif key == "tab" and chosen:
            self.take(chosen)
        elif key == "enter" and chosen and (self._list.was_moved or not chosen.is_optional):
            self.take(chosen)
            if chosen.is_final:
                self._submit()
        else:
            return False
        return True

    def _decline(self) -> None:
        if self._unsearched is not None:
            self.replace_text(self._unsearched)
        else:
            self.close_list()

    def _submit(self) -> None:
        text, pasted = self.text, frozenset(self._pasted_mentions)
        if text.strip():
            self.text = ""  # at once: what is typed from now on belongs to the next prompt
            self._pasted_mentions.clear()
            self.close_list()
        self.post_message(self.Submitted(text, pasted))

    def _search(self) -> None:
        """Look for what is typed, as it is typed, in earlier prompts."""
        self._unsearched = self.text
        self.post_message(self.SearchToggled(is_searching=True))
        self.update_list()

    def _ask_editor(self) -> None:
        self.post_message(self.EditorAsked(self))

    def _walk_history(self, key: str) -> bool:
        cursor = self.cursor_location
        if key == "up":
            prompt = self._history.older(self.text) if self.navigator.is_first_wrapped_line(cursor) else None
        else:
            prompt = self._history.newer() if self.navigator.is_last_wrapped_line(cursor) else None
        if prompt is None:
            return False
        self.replace_text(prompt)
        return True


def _found(prompt: str) -> Suggestion:
    lines = prompt.strip().splitlines()
    return Suggestion(lines[0], f"and {len(lines) - 1} more lines" if len(lines) > 1 else "", prompt)


def without_controls(text: str) -> str:
    """The text, its lines ended by newlines, with marks for control characters and half characters; all else
    stays for the model.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        visible(letter) if letter not in "\n\t" and category(letter) in ("Cc", "Cs") else letter
        for letter in text
    )
