"""One step of a recorded answer, with a cursor over its tokens."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.message import Message

from dgchat.replay.frames import FrameRow, Frames, Spot
from dgchat.replay.heat import NUM_HEAT_LEVELS
from dgchat.ui.widgets.canvas_rows import CanvasRows
from dgchat.ui.widgets.live_canvas import GUTTER, MARGIN

_OWN_STYLES = ("gutter", "cursor", "unsettled", *(f"heat-{level}" for level in range(NUM_HEAT_LEVELS)))
_OWN_CLASSES = {f"live-canvas--{name}" for name in _OWN_STYLES}


class ReplayCanvas(CanvasRows):
    """Draws what `Frames` paints, row by row; posts `Pointed` where the reader clicks on a token."""

    UNDERLINED = CanvasRows.UNDERLINED | {"heat-3", "heat-4"}
    COMPONENT_CLASSES: ClassVar[set[str]] = CanvasRows.COMPONENT_CLASSES | _OWN_CLASSES

    class Pointed(Message):
        """The reader clicked on a token."""

        def __init__(self, spot: Spot) -> None:
            super().__init__()
            self.spot = spot

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self._frames = frames
        self._drawn: list[FrameRow] = []
        self._shown: tuple[int, bool, Spot | None] | None = None

    def use(self, frames: Frames) -> None:
        """Draw another recording from now on."""
        self._frames, self._shown = frames, None

    def draw(self, index: int, *, heat: bool, cursor: Spot | None) -> None:
        """Draw a step of the recording."""
        self._shown = index, heat, cursor
        self._frames.use_width(max(1, self.size.width - GUTTER - MARGIN))
        self._drawn = self._frames.rows(index, heat=heat, cursor=cursor)
        self.styles.height = max(1, len(self._drawn))
        self.show([row.painted for row in self._drawn])

    def row_of(self, spot: Spot) -> int | None:
        """The row in which a token begins; None if it is not drawn."""
        return next(
            (
                y
                for y, row in enumerate(self._drawn)
                if row.canvas == spot.canvas and _x_of(row, spot) is not None
            ),
            None,
        )

    def rows_of(self, canvas: int) -> tuple[int, int]:
        """The first row of a canvas, and how many it has."""
        ys = [y for y, row in enumerate(self._drawn) if row.canvas == canvas]
        return (ys[0], len(ys)) if ys else (0, 0)

    def beside(self, spot: Spot, rows: int) -> Spot | None:
        """The token so many rows further down, nearest to the same column; None if there is none."""
        y = self.row_of(spot)
        if y is None:
            return None
        x = _x_of(self._drawn[y], spot) or 0
        direction = 1 if rows > 0 else -1
        for candidate in range(y + rows, len(self._drawn) if rows > 0 else -1, direction):
            if found := _token_at(self._drawn[candidate], x):
                return found if found.canvas == spot.canvas else None
        return None

    def on_resize(self) -> None:
        """Break the lines anew for the new width."""
        super().on_resize()
        if self._shown is not None:
            index, heat, cursor = self._shown
            self.draw(index, heat=heat, cursor=cursor)

    def on_click(self, event: events.Click) -> None:
        """Point at the token under the mouse."""
        if event.y < len(self._drawn) and (spot := _token_at(self._drawn[event.y], event.x - GUTTER)):
            event.stop()
            self.post_message(self.Pointed(spot))


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
