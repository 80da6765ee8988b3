"""Where the reader writes: enter sends, a paste is only ever inserted, arrows walk through what was sent."""

from __future__ import annotations

from unicodedata import category

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from dgchat.safe_text import visible
from dgchat.session.commands import complete_command
from dgchat.session.prompt_history import PromptHistory

_NEW_LINE_KEYS = frozenset({"shift+enter", "ctrl+j", "alt+enter"})
_SCROLL_KEYS = {"pageup": -1, "pagedown": 1}


class PromptBox(TextArea):
    """A text area that grows with its text and keeps the history of prompts."""

    class Submitted(Message):
        """Enter was pressed; the text has left the box."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class HelpAsked(Message):
        """A question mark was typed into the empty box."""

    class QuitAsked(Message):
        """ctrl+d was pressed in the empty box."""

    class NothingFound(Message):
        """No older prompt holds what was searched for."""

        def __init__(self, wanted: str) -> None:
            super().__init__()
            self.wanted = wanted

    class PageTurned(Message):
        """The reader wants to scroll what is above the box."""

        def __init__(self, direction: int) -> None:
            super().__init__()
            self.direction = direction

    def __init__(self) -> None:
        super().__init__(
            soft_wrap=True,
            show_line_numbers=False,
            highlight_cursor_line=False,
            compact=True,
            placeholder="ask something",
        )
        self.cursor_blink = False
        self._history = PromptHistory()
        self._wanted = ""
        self._found: str | None = None

    def replace_text(self, text: str) -> None:
        """Put the text into the box, the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    def remember(self, prompt: str) -> None:
        """Add a sent prompt to the history."""
        self._history.add(prompt)

    async def _on_key(self, event: events.Key) -> None:
        if self._handles(event):
            event.stop()
            event.prevent_default()
        else:
            await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = _without_controls(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    def _handles(self, event: events.Key) -> bool:
        key = event.key
        if key == "enter":
            self._submit()
        elif key in _NEW_LINE_KEYS:
            self.insert("\n")
        elif key in _SCROLL_KEYS:
            self.post_message(self.PageTurned(_SCROLL_KEYS[key]))
        elif key == "tab":
            return self._complete()
        elif key == "ctrl+r":
            self._search_history()
        elif key in ("up", "down"):
            return self._walk_history(key)
        elif not self.text and event.character == "?":
            self.post_message(self.HelpAsked())
        elif not self.text and key == "ctrl+d":
            self.post_message(self.QuitAsked())
        else:
            return False
        return True

    def _submit(self) -> None:
        text = self.text
        if text.strip():
            self.text = ""  # at once: what is typed from now on belongs to the next prompt
        self.post_message(self.Submitted(text))

    def _complete(self) -> bool:
        candidates = complete_command(self.text)
        if not candidates:
            return False
        command = candidates[0]
        self.replace_text(f"/{command.name} " if command.argument else f"/{command.name}")
        return True

    def _search_history(self) -> None:
        """Find what was typed in an older prompt; pressed again, in one older still."""
        wanted = self._wanted if self.text == self._found else self.text
        if (prompt := self._history.search(wanted)) is None:
            self.post_message(self.NothingFound(wanted))
            return
        self.replace_text(prompt)
        self._wanted, self._found = wanted, prompt

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


def _without_controls(text: str) -> str:
    """The text with marks for control characters and half characters; all else stays for the model."""
    return "".join(
        visible(letter) if letter not in "\n\t" and category(letter) in ("Cc", "Cs") else letter
        for letter in text
    )
