"""The mean entropy of a canvas, step by step, as rows of block characters. No textual."""

from __future__ import annotations

from collections.abc import Sequence

from dgchat.ui.widgets.status_line import SPARK_BLOCKS, entropy_height


def entropy_curve(entropies: Sequence[float], max_steps: int, width: int, height: int) -> list[str]:
    """`height` rows of `width` cells, top row first; the width stands for all the steps there may be."""
    cells = [_cell(entropies, column, max_steps, width) for column in range(width)]
    eighths = [0 if nats is None else max(1, round(8 * height * entropy_height(nats))) for nats in cells]
    return [
        "".join(_block(level - 8 * row) for level in eighths).rstrip() for row in range(height - 1, -1, -1)
    ]


def _cell(entropies: Sequence[float], column: int, max_steps: int, width: int) -> float | None:
    """The entropy of the last step that falls into a column; None if there was none yet."""
    columns = min(width, max(1, max_steps))
    first, end = column * max_steps // columns, (column + 1) * max_steps // columns
    seen = entropies[first:end] if column < columns else ()
    return seen[-1] if seen else None


def _block(eighths: int) -> str:
    return " " if eighths <= 0 else SPARK_BLOCKS[min(8, eighths) - 1]
