"""The two columns of a live canvas: the bars that show how far each row has settled, and the text."""

from __future__ import annotations

from typing import ClassVar

from dgchat.ui.widgets.styled_rows import StyledRows

SETTLE_BARS = "▏▎▍▌"
"""A row's settle bar, from nothing settled to all; it ends as the gutter of a finished message."""


class SettleBars(StyledRows):
    """One bar per row; a column of its own, because it changes seldom and its colour costs bytes in every row."""

    STYLES = "settle-bars"
    BLANK_STYLE = "bar"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"settle-bars--bar"}

    def show_bars(self, bars: str, height: int) -> None:
        """A bar for each row of text, the thinnest one for the rows that are still empty."""
        filled = bars + SETTLE_BARS[0] * (height - len(bars))
        self.show([(("bar", bar),) for bar in filled])


class CanvasRows(StyledRows):
    """The text of a canvas in its states."""

    STYLES = "live-canvas"
    BLANK_STYLE = "settled"
    UNDERLINED = frozenset({"overturned"})
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "live-canvas--settled",
        "live-canvas--fresh",
        "live-canvas--draft-0",
        "live-canvas--draft-1",
        "live-canvas--draft-2",
        "live-canvas--draft-3",
        "live-canvas--overturned",
        "live-canvas--past-end",
        "live-canvas--noise",
        "live-canvas--rule",
    }
