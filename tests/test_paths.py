"""Where things lie, and what is said when it cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dgchat.errors import UsageError
from dgchat.paths import cache_dir, config_dir, data_dir, runtime_dir

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


@pytest.mark.filterwarnings("error")
def test_where_nothing_names_a_folder_for_running_processes_nobody_is_warned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DGCHAT_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert runtime_dir().name == "dgchat"
