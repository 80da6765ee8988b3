"""Presets of the steps: shares of whatever the checkpoint allows."""

from __future__ import annotations

import pytest

from dgchat.errors import UsageError
from dgchat.session.presets import STEP_PRESETS, preset_of, read_steps


@pytest.mark.parametrize(("max_steps", "steps"), [(48, [12, 24, 48]), (16, [4, 8, 16]), (1, [1, 1, 1])])
def test_presets_are_scaled_to_the_checkpoint(max_steps, steps):
    assert [preset.steps_of(max_steps) for preset in STEP_PRESETS] == steps


def test_a_number_that_is_a_preset_is_named():
    assert [preset_of(steps, 48) for steps in (12, 24, 48, 13)] == ["draft", "balanced", "full", ""]


@pytest.mark.parametrize(("typed", "steps"), [("draft", 12), ("FULL", 48), ("7", 7)])
def test_steps_are_a_number_or_a_name(typed, steps):
    assert read_steps(typed, 48) == steps


@pytest.mark.parametrize(
    ("typed", "told"), [("drift", "did you mean draft"), ("49", "from 1 to 48"), ("-1", "1 to 48")]
)
def test_what_is_neither_is_told(typed, told):
    with pytest.raises(UsageError, match=told):
        read_steps(typed, 48)
