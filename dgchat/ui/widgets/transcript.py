"""The conversation, newest at the bottom."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from dgchat.ui.widgets.ground import Ground
from dgchat.ui.widgets.notice import Notice

MAX_MOUNTED = 60
"""Widgets kept on the page; older ones leave the screen, not the conversation."""


class Messages(Ground, Vertical):
    """One column, at least as high as the window: what is short stands at the top."""


class Transcript(Ground, VerticalScroll, can_focus=False):
    """Follows its end while the reader is there, and never moves what is being read."""

    is_at_end: reactive[bool] = reactive(True)

    class LeftEnd(Message):
        """The reader scrolled away from the end, or came back to it."""

        def __init__(self, is_at_end: bool) -> None:
            super().__init__()
            self.is_at_end = is_at_end

    def __init__(self) -> None:
        super().__init__()
        self._page = Messages(id="messages")

    def compose(self) -> ComposeResult:
        """The messages."""
        yield self._page

    def on_mount(self) -> None:
        """Follow the end."""
        self.anchor()

    async def add(self, *widgets: Widget) -> None:
        """Put widgets at the end, and take the oldest off a page that has become long."""
        await self._page.mount_all(widgets)
        surplus = list(self._page.children)[: max(0, len(self._page.children) - MAX_MOUNTED)]
        if surplus:
            await self._page.remove_children(surplus)
            earlier = Notice("earlier messages are off the screen; the model still has them")
            await self._page.mount(earlier, before=0)

    async def insert(self, widget: Widget, before: Widget) -> None:
        """Put a widget above another one."""
        await self._page.mount(widget, before=before)

    async def empty(self) -> None:
        """Take everything off the page."""
        await self._page.remove_children()

    def turn_page(self, direction: int) -> None:
        """Scroll most of a page up or down."""
        distance = direction * max(1, self.size.height - 2)
        self.release_anchor()
        self.scroll_relative(y=distance, animate=False, force=True, immediate=True)
        if self.scroll_offset.y + distance >= self.max_scroll_y:
            self.go_to_end()

    def go_to_end(self) -> None:
        """Follow the end again."""
        self.anchor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Notice whether the end is in sight."""
        super().watch_scroll_y(old_value, new_value)
        self.is_at_end = new_value >= self.max_scroll_y - 1

    def watch_is_at_end(self, is_at_end: bool) -> None:
        """Tell the screen."""
        self.post_message(self.LeftEnd(is_at_end))
