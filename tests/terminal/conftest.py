"""The chat as a process in a real terminal."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tmux_terminal import SETTINGS, Tmux, need_tmux

OpenTerminal = Callable[..., Tmux]


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder of which a socket's path can be made: those may have a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="dgchat-") as folder:
        yield Path(folder)


@pytest.fixture
def open_terminal(short_path: Path) -> Iterator[OpenTerminal]:
    """Makes terminals that are closed at the end."""
    need_tmux()
    opened: list[Tmux] = []

    def open_it(size: tuple[int, int] = (80, 24), settings: str = SETTINGS) -> Tmux:
        opened.append(Tmux(short_path / str(len(opened)), size, settings))
        return opened[-1]

    yield open_it
    for terminal in opened:
        terminal.close()


@pytest.fixture
def own_environment() -> dict[str, str]:
    """What a chat must be told where it does not inherit it."""
    names = [name for name in os.environ if name.startswith("DGCHAT_")]
    return {name: os.environ[name] for name in (*names, "PYTHONPATH")} | {"LC_ALL": "C.UTF-8"}
