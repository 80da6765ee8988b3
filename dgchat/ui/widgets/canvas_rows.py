"""The two columns of a live canvas: the bars that show how far each row has settled, and the text."""

from __future__ import annotations

from typing import ClassVar

from dgchat.ui.widgets.canvas_paint import TOKEN_CLASSES
from dgchat.ui.widgets.styled_rows import StyledRows


class SettleBars(StyledRows):
    """One bar per row; a column of its own: it changes seldom, and its colour costs bytes in every row."""

    STYLES = "live-canvas"
    BLANK_STYLE = "gutter"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"live-canvas--gutter"}


class CanvasRows(StyledRows):
    """The text of a canvas in its states."""

    STYLES = "live-canvas"
    BLANK_STYLE = "settled"
    UNDERLINED = frozenset({"overturned"})
    COMPONENT_CLASSES: ClassVar[set[str]] = TOKEN_CLASSES | {"live-canvas--rule"}
