"""Keepers in a folder of their own, which are ended with the test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kept_models import kept


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder with a path short enough for a socket; keepers in it are ended."""
    folder = Path(tempfile.mkdtemp(prefix="dgchat-"))
    monkeypatch.setenv("DGCHAT_RUNTIME_DIR", str(folder))
    yield folder
    for one in kept():
        with suppress(OSError):
            os.kill(one["pid"], signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
