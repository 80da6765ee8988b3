"""What is said of a token: its name, what stood there before, what else could have."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from dgchat.engine.events import Alternative
from dgchat.replay.canvas_history import Stay
from dgchat.safe_text import visible

MAX_STAYS = 12
"""So many tokens are named of a position that changed its mind; the earlier ones are counted."""

_BAR_CELLS = 12
_BAR_EIGHTHS = " ▏▎▍▌▋▊▉█"


def name_of(piece: str) -> str:
    """A token's text in one line, without the spaces around it; never empty."""
    shown = visible(piece, newlines=False)
    return shown.strip() or ("␣" if shown else "∅")


def describe_stays(stays: Sequence[Stay], current: int) -> Content:
    """`island → village ×2 → garden ×8: changed its mind twice`; the one of the step `current` stands out."""
    parts: list[Content] = []
    for stay in stays[-MAX_STAYS:]:
        is_current = stay.first_step <= current < stay.first_step + stay.num_steps
        times = f" ×{stay.num_steps}" if stay.num_steps > 1 else ""
        name = Content.styled(name_of(stay.piece), "bold $foreground" if is_current else "$muted")
        parts.append(name + Content.styled(times, "$muted"))
    line = Content.styled(" → ", "$muted").join(parts)
    if len(stays) > MAX_STAYS:
        line = Content.styled(f"… {len(stays) - MAX_STAYS} before → ", "$muted") + line
    return line + Content.styled(f": {count_changes(len(stays) - 1)}", "$muted")


def count_changes(times: int) -> str:
    """`changed its mind 7 times`."""
    if times == 0:
        return "never changed its mind"
    return "changed its mind " + {1: "once", 2: "twice"}.get(times, f"{times} times")


def draw_alternatives(alternatives: Sequence[Alternative]) -> Content:
    """One line each: probability, a bar of it, the token."""
    lines = [
        Content.assemble(
            (f"{_percent(one.probability):>6} ", "$muted"),
            (_bar(one.probability), "$accent"),
            " ",
            (name_of(one.piece), "bold $foreground" if rank == 0 else "$foreground"),
        )
        for rank, one in enumerate(alternatives)
    ]
    return Content("\n").join(lines)


def name_alternatives(alternatives: Sequence[Alternative]) -> Content:
    """The same in one line, without bars."""
    named = [
        Content.assemble((name_of(one.piece), "$foreground"), (f" {_percent(one.probability)}", "$muted"))
        for one in alternatives
    ]
    return Content.styled("could have been  ", "$muted") + Content.styled(" · ", "$muted").join(named)


def _percent(probability: float) -> str:
    if probability >= 0.1:
        return f"{probability:.0%}"
    return f"{probability:.1%}" if probability >= 0.001 else "<0.1%"


def _bar(probability: float) -> str:
    eighths = round(min(1.0, max(0.0, probability)) * _BAR_CELLS * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_BAR_EIGHTHS[rest] if rest else "")).ljust(_BAR_CELLS)
