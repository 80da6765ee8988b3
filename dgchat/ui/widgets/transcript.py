"""The conversation, newest at the bottom."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from dgchat.ui.current_app import current_app
from dgchat.ui.widgets.ground import Ground

MAX_MOUNTED = 60
"""Widgets on the page; the others are made again when the reader comes near them."""

FIRST_MOUNTED = 16
"""Widgets that a long conversation begins with: some pages, on the screen at once."""

MOUNTED_AT_ONCE = 6
"""Widgets that are made when the reader comes near the first or the last one."""

REST_SECONDS = 0.2
"""An answer that has become shorter stands still for so long before the page moves up to it."""

GLIDE_SECONDS = 0.3

Recipe = Callable[[], Sequence[Widget]]
"""Makes the widgets of a turn, or of something else that was said."""


@runtime_checkable
class Remakable(Protocol):
    """A message that can leave the page and come back."""

    def again(self) -> Widget | None:
        """A new widget that shows the same; None while this one still moves."""
        ...


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

    class Remade(Message):
        """A widget has come back to the page as another one."""

        def __init__(self, before: Widget, after: Widget) -> None:
            super().__init__()
            self.before = before
            self.after = after

    def __init__(self) -> None:
        super().__init__()
        self._page = Messages(id="messages")
        self._above: deque[Recipe] = deque()
        self._below: deque[Recipe] = deque()
        self._is_growing_above = False
        self._is_moving_window = False
        self._is_going_up = True
        self._holds_gap = self._is_gliding = False

    def compose(self) -> ComposeResult:
        """The messages."""
        yield self._page

    def on_mount(self) -> None:
        """Follow the end."""
        self.anchor()

    async def show(self, recipes: Iterable[Recipe]) -> None:
        """Put a whole conversation on the page: its end at once, the rest when the reader comes near it."""
        await self.empty()
        self._above.extend(recipes)
        widgets: list[Widget] = []
        while self._above and len(widgets) < FIRST_MOUNTED:
            widgets[:0] = self._above.pop()()
        await self._page.mount_all(widgets)
        self.go_to_end()

    async def add(self, *widgets: Widget) -> None:
        """Put widgets at the end, and take the oldest off a page that has become long."""
        self._release_height()
        while self._below:
            await self._page.mount_all(self._below.popleft()())
        await self._page.mount_all(widgets)
        await self._leave(list(self._page.children), self._above.append)

    async def insert(self, widget: Widget, before: Widget) -> None:
        """Put a widget above another one."""
        await self._page.mount(widget, before=before)

    async def empty(self) -> None:
        """Take everything off the page."""
        self._above.clear()
        self._below.clear()
        self._release_height()
        await self._page.remove_children()

    def hold_height(self) -> None:
        """What is about to become shorter must not move what stands above it. The gap that is left below it
        closes in a short glide; where nothing moves, with the next key.
        """
        if self.max_scroll_y > 0:
            self._page.styles.min_height = self._page.size.height
            self._holds_gap = True
            self.set_timer(REST_SECONDS, self._glide_over_gap)

    def close_gap(self) -> None:
        """Let nothing blank stand below the last message any more than there must."""
        self._is_gliding = False
        if self._holds_gap:
            self._release_height()
            if self.is_at_end:
                self.go_to_end()

    def turn_page(self, direction: int) -> None:
        """Scroll most of a page up or down."""
        distance = direction * max(1, self.size.height - 2)
        self.release_anchor()
        self.scroll_relative(y=distance, animate=False, force=True, immediate=True)
        if self.scroll_offset.y + distance >= self.max_scroll_y and not self._below:
            self.go_to_end()

    def go_to_end(self) -> None:
        """Follow the end again."""
        self.anchor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Notice whether the end is in sight, and whether the first or last message on the page is near."""
        super().watch_scroll_y(old_value, new_value)
        is_at_bottom = new_value >= self.max_scroll_y - 1 or self._is_gliding
        self.is_at_end = is_at_bottom and not self._below
        if new_value != old_value and not self._is_moving_window:
            self._is_going_up = new_value < old_value
            self._look_ahead()

    def watch_is_at_end(self, is_at_end: bool) -> None:
        """Tell the screen."""
        self.post_message(self.LeftEnd(is_at_end))

    def watch_virtual_size(self, before: Size, after: Size) -> None:
        """What was put above the reader, or taken from there, must not move what is being read."""
        if not self._is_growing_above or before.height == after.height:
            return
        self._is_growing_above = False
        batch = current_app(self).batch_update()
        batch.__enter__()  # not drawn before it stands where it stood
        self.scroll_to(y=self.scroll_y + after.height - before.height, animate=False, immediate=True)
        self.call_later(batch.__exit__, None, None, None)

    def _release_height(self) -> None:
        self._holds_gap = False
        self._page.styles.min_height = None

    def _glide_over_gap(self) -> None:
        """Scroll the gap out of sight, then take it away."""
        if not self._holds_gap or current_app(self).animation_level == "none":
            return
        target = max(0, self.max_scroll_y - self._gap)
        if not self.is_at_end or target >= self.scroll_y:
            self.close_gap()
            return
        self._is_gliding = True
        self.scroll_to(y=target, duration=GLIDE_SECONDS, force=True, on_complete=self.close_gap)

    @property
    def _gap(self) -> int:
        """Blank rows below the last message."""
        last = self._page.children[-1]
        return self._page.region.bottom - last.region.bottom - last.styles.margin.bottom

    def _look_ahead(self) -> None:
        """Make more messages if the reader is within a page of the first or the last one there is."""
        if self._is_moving_window:
            return
        if self._is_going_up and self._above and self.scroll_y < self.size.height:
            self._is_moving_window = True
            self.call_later(self._come_near_first)
        elif not self._is_going_up and self._below and self.scroll_y > self.max_scroll_y - self.size.height:
            self._is_moving_window = True
            self.call_later(self._come_near_last)

    async def _come_near_first(self) -> None:
        widgets: list[Widget] = []
        while self._above and len(widgets) < MOUNTED_AT_ONCE:
            widgets[:0] = self._above.pop()()
        self._is_growing_above = True
        await self._page.mount_all(widgets, before=0)
        self.call_after_refresh(self._leave_at_end)

    async def _leave_at_end(self) -> None:
        await self._leave(list(self._page.children)[::-1], self._below.appendleft)
        self.call_after_refresh(self._end_move)

    async def _come_near_last(self) -> None:
        widgets: list[Widget] = []
        while self._below and len(widgets) < MOUNTED_AT_ONCE:
            widgets += self._below.popleft()()
        await self._page.mount_all(widgets)
        self.call_after_refresh(self._leave_at_beginning)

    async def _leave_at_beginning(self) -> None:
        self._is_growing_above = len(self._page.children) > MAX_MOUNTED
        await self._leave(list(self._page.children), self._above.append)
        self.call_after_refresh(self._end_move)

    def _end_move(self) -> None:
        self._is_growing_above = self._is_moving_window = False
        self._look_ahead()

    async def _leave(self, widgets: Sequence[Widget], keep: Callable[[Recipe], None]) -> None:
        """Take the first of these off a page that is too long, up to one that still moves."""
        leaving: list[Widget] = []
        for widget in widgets[: max(0, len(widgets) - MAX_MOUNTED)]:
            recipe = self._recipe_of(widget)
            if recipe is None:
                break
            keep(recipe)
            leaving.append(widget)
        await self._page.remove_children(leaving)

    def _recipe_of(self, widget: Widget) -> Recipe | None:
        if not isinstance(widget, Remakable):
            return list
        if widget.again() is None:
            return None

        def remake() -> list[Widget]:
            remade = widget.again()
            assert remade is not None
            self.post_message(self.Remade(widget, remade))
            return [remade]

        return remake
