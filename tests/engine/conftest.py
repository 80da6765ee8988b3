"""One tiny checkpoint for all tests of the engine."""

from __future__ import annotations

import pytest

from dgchat.checkpoint import LoadedCheckpoint
from tiny import load_tiny


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    """A random tiny model; tests must not change it."""
    return load_tiny(tmp_path_factory.mktemp("tiny"))
