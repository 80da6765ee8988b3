"""A container that has nothing to draw but its background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.widget import Widget as Container
else:
    Container = object  # a widget here would hide the stylesheet of the container it is mixed into


class Ground(Container):
    """Mixed into a container without border or padding: one blank row stands for all of its rows.

    Whatever moves on a page, textual also draws every container below it, row by row; that is a third of a
    frame's processor time.
    """

    def render_lines(self, crop: Region) -> list[Strip]:
        """As many blank rows as are asked for."""
        strip = Strip.blank(crop.width, self.visual_style.rich_style)
        _, background = self.background_colors
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, background)
        return [strip] * crop.height
