"""How long ago something was, as people say it."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((3600, 60, "min"), (86_400, 3600, "h"), (7 * 86_400, 86_400, "d"))
"""Up to so many seconds: seconds of a unit, its name."""


def age(then: float, now: float) -> str:
    """`now`, `5 min`, `3 h`, `2 d`, and from a week on the day: `12 Mar`, with the year if it is another."""
    seconds = max(0.0, now - then)
    if seconds < 60:
        return "now"
    for limit, unit, name in _UNITS:
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    day, today = datetime.fromtimestamp(then), datetime.fromtimestamp(now)
    told = f"{day.day} {day:%b}"
    return told if day.year == today.year else f"{told} {day.year}"
