"""A one-row slider: arrows, shift for bigger strides, home and end, a typed number, or the mouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from time import monotonic
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from dgchat.ui.current_app import current_app

TYPING_SECONDS = 1.2
"""Digits typed within this of each other make one number."""

_STRIDES_PER_TRACK = 8
_MIN_TRACK = 4


class Slider(Widget, can_focus=True):
    """A number between two others, in strides; posts `Changed` when the reader moves it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "slider--label",
        "slider--filled",
        "slider--knob",
        "slider--rest",
        "slider--value",
        "slider--focus",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,down", "move(-1)", "less", show=False),
        Binding("right,up", "move(1)", "more", show=False),
        Binding("shift+left,shift+down,pagedown", "move_far(-1)", "much less", show=False),
        Binding("shift+right,shift+up,pageup", "move_far(1)", "much more", show=False),
        Binding("home", "set_lowest", "least", show=False),
        Binding("end", "set_highest", "most", show=False),
        Binding("m", "ask_more", "more", show=False),
    ]

    value: reactive[int] = reactive(1)

    class Changed(Message):
        """The reader chose another value."""

        def __init__(self, slider: Slider, value: int) -> None:
            super().__init__()
            self.slider = slider
            self.value = value

        @property
        def control(self) -> Slider:
            """The slider, for `@on` selectors."""
            return self.slider

    class Snapped(Message):
        """A number was typed that is none of the values, and became the next one."""

        def __init__(self, slider: Slider) -> None:
            super().__init__()
            self.slider = slider

        @property
        def control(self) -> Slider:
            """The slider, for `@on` selectors."""
            return self.slider

    class MoreAsked(Message):
        """The reader wants to see what else there is to choose."""

    def __init__(self, label: str, describe: Callable[[int], str], widget_id: str) -> None:
        super().__init__(id=widget_id)
        self._label = label
        self._describe = describe
        self._low, self._high, self._stride = 1, 1, 1
        self._presets: Mapping[str, int] = {}
        self._typed, self._typed_at = "", 0.0

    def set_range(
        self, low: int, high: int, stride: int, value: int, presets: Mapping[str, int] | None = None
    ) -> None:
        """Offer `low`, `low + stride` ... `high`, and letters that choose one of them at once."""
        self._low, self._high, self._stride = low, high, stride
        self._presets = presets or {}
        self.value = self._snapped(value)
        self.refresh()

    def choose(self, wanted: int) -> None:
        """Take the nearest value not below what is wanted, and tell."""
        value = self._snapped(wanted)
        if value != self.value:
            self.value = value
            self.post_message(self.Changed(self, value))

    def action_move(self, strides: int) -> None:
        """Move by single strides."""
        self._typed = ""
        self.choose(self.value + strides * self._stride)

    def action_move_far(self, direction: int) -> None:
        """Move by an eighth of the track."""
        strides = max(1, round((self._high - self._low) / self._stride / _STRIDES_PER_TRACK))
        self.action_move(direction * strides)

    def action_set_lowest(self) -> None:
        """Move to the left end."""
        self.choose(self._low)

    def action_set_highest(self) -> None:
        """Move to the right end."""
        self.choose(self._high)

    def on_key(self, event: events.Key) -> None:
        """Digits make a number, letters choose a preset."""
        if event.key in self._presets:
            event.stop()
            self._typed = ""
            self.choose(self._presets[event.key])
            return
        if event.character is None or not event.character.isdecimal() or not event.character.isascii():
            return
        event.stop()
        now = monotonic()
        is_continued = now - self._typed_at < TYPING_SECONDS
        self._typed = (self._typed if is_continued else "") + event.character
        self._typed_at = now
        wanted = int(self._typed[-7:])
        self.choose(wanted)
        if self._low < wanted < self._high and wanted != self.value:
            self.post_message(self.Snapped(self))

    def action_ask_more(self) -> None:
        """Ask for what else there is to choose."""
        self.post_message(self.MoreAsked())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Jump to where the track was clicked, and follow the mouse."""
        self.capture_mouse()
        self._choose_at(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse while it is held."""
        if current_app(self).mouse_captured is self:
            self._choose_at(event.x)

    def on_mouse_up(self) -> None:
        """Let the mouse go."""
        self.release_mouse()

    def render_line(self, y: int) -> Strip:
        """Label, track and value."""
        start, length = self._track()
        knob = round((length - 1) * self._fraction())
        label = "slider--focus" if self.has_focus else "slider--label"
        value = f" {self._describe(self.value)}"
        room = max(0, self.size.width - start - length - cell_len(value))
        parts = [
            (label, self._label),
            ("slider--rest", " " * (start - len(self._label))),
            ("slider--filled", "━" * knob),
            ("slider--knob", "●"),
            ("slider--rest", "─" * (length - 1 - knob)),
            ("slider--value", value + " " * room),
        ]
        strip = Strip([Segment(text, self.get_component_rich_style(name)) for name, text in parts])
        return strip.crop(0, self.size.width)

    def _track(self) -> tuple[int, int]:
        """First cell and length of the track; the value's room does not change with the value."""
        start = len(self._label) + 1
        widest = max(cell_len(self._describe(value)) for value in (self._low, self.value, self._high))
        return start, max(_MIN_TRACK, self.size.width - start - widest - 1)

    def _fraction(self) -> float:
        return (self.value - self._low) / max(1, self._high - self._low)

    def _choose_at(self, x: int) -> None:
        start, length = self._track()
        fraction = min(1.0, max(0.0, (x - start) / max(1, length - 1)))
        strides = round(fraction * (self._high - self._low) / self._stride)
        self.choose(self._low + strides * self._stride)

    def _snapped(self, wanted: int) -> int:
        strides = ceil((wanted - self._low) / self._stride)
        return min(self._high, max(self._low, self._low + strides * self._stride))
