"""Rows of text in a handful of named styles, drawn with the Line API: only what changes is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from dgchat.ui.widgets.unscrolled import Unscrolled

Run = tuple[str, str]
"""The name of a style, and text in it."""

StyledRow = tuple[Run, ...]


class StyledRows(Unscrolled, Widget):
    """Draws rows; a row that has not changed costs nothing, one that has is sent up to its last change."""

    STYLES: ClassVar[str] = ""
    """What the names of the component classes begin with, before the two hyphens."""

    BLANK_STYLE: ClassVar[str] = ""
    """The style of what is right of a row's text and below the rows."""

    UNDERLINED: ClassVar[frozenset[str]] = frozenset()
    """Styles whose spaces can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[StyledRow] = []
        self._strips: dict[int, Strip] = {}
        self._sent: dict[int, Strip] = {}
        self._sent_through: tuple[object, ...] = ()
        self._styles: dict[str, Style] = {}

    def show(self, rows: Sequence[StyledRow], *, refresh: bool = True) -> None:
        """Draw these rows; without `refresh` they are drawn with the next change of layout."""
        before, self._rows = self._rows, list(rows)
        regions: list[Region] = []
        for y, (old, new) in enumerate(zip_longest(before, self._rows, fillvalue=())):
            if old != new:
                self._strips.pop(y, None)
                self._sent.pop(y, None)
                regions.append(Region(0, y, min(self._changed_width(old, new), self.size.width), 1))
        if refresh and regions:
            self.refresh(*(region for region in regions if region.width))

    def render_line(self, y: int) -> Strip:
        """One row: a strip is kept until its row changes."""
        if y not in self._strips:
            self._strips[y] = self._strip(self._rows[y] if y < len(self._rows) else ())
        return self._strips[y]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows as they are sent. Where nothing is around them they are kept as they are, for textual goes
        through all of its styles for every row of every frame.
        """
        if self.styles.gutter:
            return super().render_lines(crop)
        _, background = self.background_colors
        filters = self.get_line_filters()
        if self._sent_through != (background, *filters):
            self._sent_through = background, *filters
            self._sent.clear()
        for y in crop.line_range:
            if y not in self._sent:
                self._sent[y] = _filtered(self.render_line(y), filters, background)
        strips = [self._sent[y] for y in crop.line_range]
        is_whole = crop.column_span == (0, self.size.width)
        return strips if is_whole else [strip.crop(*crop.column_span) for strip in strips]

    def notify_style_update(self) -> None:
        """Forget styles and strips: the colours have changed."""
        super().notify_style_update()
        self._styles.clear()
        self._forget_strips()

    def on_resize(self) -> None:
        """Forget strips of another width."""
        self._forget_strips()

    def _forget_strips(self) -> None:
        self._strips.clear()
        self._sent.clear()

    def _changed_width(self, old: StyledRow, new: StyledRow) -> int:
        """Cells from the left edge to the end of what differs between two rows."""
        old, new = self._without_blanks(old), self._without_blanks(new)
        width = _width(new)
        if width != _width(old):
            return max(width, _width(old))
        while old and new and old[-1] == new[-1]:
            width -= cell_len(new[-1][1])
            old, new = old[:-1], new[:-1]
        return width

    def _without_blanks(self, row: StyledRow) -> StyledRow:
        if not row or row[-1][0] in self.UNDERLINED or not row[-1][1].endswith(" "):
            return row
        name, text = row[-1]
        shown = text.rstrip(" ")
        return (*row[:-1], (name, shown)) if shown else self._without_blanks(row[:-1])

    def _strip(self, row: StyledRow) -> Strip:
        """The row as wide as the widget."""
        used = _width(row)
        rest = " " * max(0, self.size.width - used)
        segments = [
            Segment(text, self._style(name)) for name, text in (*row, (self.BLANK_STYLE, rest)) if text
        ]
        strip = Strip(segments, used + len(rest))
        return strip.crop(0, self.size.width) if used > self.size.width else strip

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"{self.STYLES}--{name}")
        return self._styles[name]


def _filtered(strip: Strip, filters: Iterable[LineFilter], background: Color) -> Strip:
    """The strip as the filters leave it; none of those between is kept."""
    segments = list(strip)
    for line_filter in filters:
        segments = line_filter.apply(segments, background)
    return Strip(segments, strip.cell_length)


@lru_cache(maxsize=512)
def _width(row: StyledRow) -> int:
    return sum(cell_len(text) for _, text in row)
