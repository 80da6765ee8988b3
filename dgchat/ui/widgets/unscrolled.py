"""A widget in which nothing scrolls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.reactive import Reactive

if TYPE_CHECKING:
    from textual.widget import Widget as Base
else:
    Base = object  # a widget here would hide the stylesheet of the widget it is mixed into


class Unscrolled(Base):
    """Mixed into a widget that is as high as what it shows: when that grows, textual would lay out the page
    once more than it needs, for bars that might have come into sight.
    """

    virtual_size = Reactive(Size(0, 0), layout=False)
