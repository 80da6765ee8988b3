"""One step of a recorded answer, with a cursor over its tokens."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from dgchat.replay.frames import FrameRow, Frames, Spot
from dgchat.ui.widgets.canvas_paint import Painted
from dgchat.ui.widgets.live_canvas import GUTTER, MARGIN, LiveCanvas

_OWN_CLASSES = {f"live-canvas--heat-{level}" for level in range(5)} | {"live-canvas--cursor"}


class ReplayCanvas(Widget):
    """Draws what `Frames` paints, row by row; posts `Pointed` where the reader clicks on a token."""

    COMPONENT_CLASSES: ClassVar[set[str]] = LiveCanvas.COMPONENT_CLASSES | _OWN_CLASSES

    class Pointed(Message):
        """The reader clicked on a token."""

        def __init__(self, spot: Spot) -> None:
            super().__init__()
            self.spot = spot

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self._frames = frames
        self._rows: list[FrameRow] = []
        self._styles: dict[str, Style] = {}
        self._shown: tuple[int, bool, Spot | None] | None = None

    def use(self, frames: Frames) -> None:
        """Draw another recording from now on."""
        self._frames, self._shown = frames, None

    def show(self, index: int, *, heat: bool, cursor: Spot | None) -> None:
        """Draw a step of the recording."""
        self._shown = index, heat, cursor
        self._frames.use_width(max(1, self.size.width - GUTTER - MARGIN))
        self._rows = self._frames.rows(index, heat=heat, cursor=cursor)
        self.styles.height = max(1, len(self._rows))
        self.refresh()

    def row_of(self, spot: Spot) -> int | None:
        """The row in which a token begins; None if it is not drawn."""
        return next(
            (
                y
                for y, row in enumerate(self._rows)
                if row.canvas == spot.canvas and _x_of(row, spot) is not None
            ),
            None,
        )

    def rows_of(self, canvas: int) -> tuple[int, int]:
        """The first row of a canvas, and how many it has."""
        ys = [y for y, row in enumerate(self._rows) if row.canvas == canvas]
        return (ys[0], len(ys)) if ys else (0, 0)

    def beside(self, spot: Spot, rows: int) -> Spot | None:
        """The token so many rows further down, nearest to the same column; None if there is none."""
        y = self.row_of(spot)
        if y is None:
            return None
        x = _x_of(self._rows[y], spot) or 0
        direction = 1 if rows > 0 else -1
        for candidate in range(y + rows, len(self._rows) if rows > 0 else -1, direction):
            if found := _token_at(self._rows[candidate], x):
                return found if found.canvas == spot.canvas else None
        return None

    def render_line(self, y: int) -> Strip:
        """One row, as wide as the widget."""
        painted: Painted = self._rows[y].painted if y < len(self._rows) else ()
        used = sum(cell_len(text) for _, text in painted)
        rest = max(0, self.size.width - used)
        segments = [Segment(text, self._style(name)) for name, text in painted]
        return Strip([*segments, Segment(" " * rest, self._style("settled"))], used + rest)

    def notify_style_update(self) -> None:
        """Forget the styles: the colours have changed."""
        super().notify_style_update()
        self._styles.clear()

    def on_resize(self) -> None:
        """Break the lines anew for the new width."""
        if self._shown is not None:
            index, heat, cursor = self._shown
            self.show(index, heat=heat, cursor=cursor)

    def on_click(self, event: events.Click) -> None:
        """Point at the token under the mouse."""
        if event.y < len(self._rows) and (spot := _token_at(self._rows[event.y], event.x - GUTTER)):
            event.stop()
            self.post_message(self.Pointed(spot))

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"live-canvas--{name}")
        return self._styles[name]


def _x_of(row: FrameRow, spot: Spot) -> int | None:
    x = 0
    for slot in row.slots:
        if slot.position == spot.position:
            return x
        x += slot.width
    return None


def _token_at(row: FrameRow, x: int) -> Spot | None:
    """The token that covers a cell of the row, or the last one before it."""
    end, found = 0, None
    for slot in row.slots:
        if end > max(0, x):
            break
        end += slot.width
        found = Spot(row.canvas, slot.position)
    return found
