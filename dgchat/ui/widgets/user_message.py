"""What the reader asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Collapsible, Static

from dgchat.hub.sizes import rounded
from dgchat.safe_text import visible
from dgchat.session.attachments import Attachment


class UserMessage(Vertical):
    """A prompt, letter for letter, and the files that went along with it."""

    def __init__(self, text: str, attachments: Sequence[Attachment] = (), note: str = "") -> None:
        """`note` stands beside the label."""
        super().__init__()
        self.prompt = text
        self._attachments = attachments
        self._note = note
        self._label = Static(classes="message-label")

    def again(self) -> UserMessage:
        """The prompt once more."""
        return UserMessage(self.prompt, self._attachments, self._note)

    def show_note(self, note: str) -> None:
        """Put something beside the label, in the place of what stands there."""
        self._note = note
        self._label.update(Content.assemble("you", f"   {note}" if note else ""))

    def compose(self) -> ComposeResult:
        """A label, the text, the files."""
        self.show_note(self._note)
        yield self._label
        yield Static(Content(visible(self.prompt)), classes="message-text")
        for attachment in self._attachments:
            yield AttachmentView(attachment)


class AttachmentView(Collapsible):
    """One file in a line, its text folded away; enter or a click unfolds it."""

    def __init__(self, attachment: Attachment) -> None:
        name = visible(attachment.name, newlines=False)
        size = attachment.num_bytes
        told = rounded(size) if size >= 1000 else f"{size} bytes"
        title = Content(f"{name} · {told}")  # a str would be read as markup
        text = Static(Content(visible(attachment.text)))
        super().__init__(text, title=cast(str, title), collapsed=True)
