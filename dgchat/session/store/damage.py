"""What to say of a stored conversation of which something could not be read."""

from __future__ import annotations

from collections.abc import Sequence

_NAMED = 3
"""So many are named, the others counted."""


def told_of_damage(damaged: Sequence[str]) -> str:
    """One line that names what was left out; empty if nothing was."""
    if not damaged:
        return ""
    others = len(damaged) - _NAMED
    named = ", ".join(damaged[:_NAMED]) + (f" and {others} more" if others > 0 else "")
    return f"Damaged in the store, and left out here: {named}. What is on the disk stays as it is."
