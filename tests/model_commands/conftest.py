"""A hub with one tiny checkpoint, and an empty cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_hub import FakeHub, FakeRepository, use_hub
from tiny import write_checkpoint

NAME = "someone/tiny"


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a tiny checkpoint in two shards, and some that no checkpoint needs."""
    folder = write_checkpoint(tmp_path_factory.mktemp("hub") / "tiny", shards=2)
    files = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
    return files | {"README.md": b"# tiny", "original/model.safetensors": b"x" * 20_000, "model.gguf": b"x"}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The cache of this test."""
    return tmp_path / "hf" / "hub"


@pytest.fixture
def hub(tiny_files: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The fake hub, which this process asks."""
    with FakeHub({NAME: FakeRepository(tiny_files)}) as running:
        use_hub(running, cache, monkeypatch)
        yield running
