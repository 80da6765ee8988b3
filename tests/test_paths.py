"""Where things lie, and what is said when it cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dgchat.errors import UsageError
from dgchat.paths import cache_dir, config_dir, data_dir

PLACES = [("DGCHAT_CONFIG_DIR", config_dir), ("DGCHAT_DATA_DIR", data_dir), ("DGCHAT_CACHE_DIR", cache_dir)]


@pytest.mark.parametrize(("variable", "place"), PLACES)
def test_a_moved_folder_may_begin_at_home(
    monkeypatch: pytest.MonkeyPatch, variable: str, place: Callable[[], Path]
) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv(variable, "~/mine")
    assert place() == Path("/somewhere/mine")


@pytest.mark.parametrize(("variable", "place"), PLACES)
def test_the_home_of_nobody_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, place: Callable[[], Path]
) -> None:
    monkeypatch.setenv(variable, "~nosuchuser/x")
    with pytest.raises(UsageError, match=f"{variable} is ~nosuchuser/x, and"):
        place()
