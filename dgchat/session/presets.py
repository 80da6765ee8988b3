"""Names for how many denoising steps to spend: shares of the checkpoint's own."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from dgchat.errors import UsageError
from dgchat.session.commands import read_number


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    """What the reader calls it."""
    share: float
    """Of the checkpoint's own steps, 0 to 1."""

    def steps_of(self, max_steps: int) -> int:
        """Steps for a checkpoint with so many."""
        return max(1, round(self.share * max_steps))


STEP_PRESETS = (Preset("draft", 1 / 4), Preset("balanced", 1 / 2), Preset("full", 1.0))


def preset_of(steps: int, max_steps: int) -> str:
    """The name of so many steps; empty if they have none."""
    names = [preset.name for preset in STEP_PRESETS if preset.steps_of(max_steps) == steps]
    return names[-1] if names else ""


def read_steps(argument: str, max_steps: int) -> int:
    """A number of steps, or the name of a preset; UsageError says what was wanted."""
    wanted = argument.lower()
    if not wanted.isalpha():
        return read_number(argument, "The number of steps", 1, max_steps)
    for preset in STEP_PRESETS:
        if preset.name == wanted:
            return preset.steps_of(max_steps)
    names = [preset.name for preset in STEP_PRESETS]
    nearest = get_close_matches(wanted, names, n=1, cutoff=0.0)[0]
    raise UsageError(
        f"The steps are a number from 1 to {max_steps}, or {', '.join(names)}.",
        hint=f"did you mean {nearest}?",
    )
