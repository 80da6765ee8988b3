"""Every test starts without the settings of whoever runs it, and writes into a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgchat.paths import bundled_model
from fake_hub import TINY, FakeHub, FakeRepository, use_hub

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("DGCHAT_")]:
        monkeypatch.delenv(variable)
    for variable in ("SSH_CONNECTION", "SSH_TTY", "TMUX", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for kind in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"DGCHAT_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.setenv("DGCHAT_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(ROOT / part) for part in ("", "kernels", "tests")))


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a tiny checkpoint in two shards, and some that no checkpoint needs."""
    from tiny import write_checkpoint  # brings torch, which few tests need

    folder = write_checkpoint(tmp_path_factory.mktemp("hub") / "tiny", shards=2)
    files = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
    return files | {"README.md": b"# tiny", "original/model.safetensors": b"x" * 20_000, "model.gguf": b"x"}


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    from huggingface_hub import constants  # few tests need it

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    return tmp_path / "hf" / "hub"


@pytest.fixture
def hub(tiny_files: dict[str, bytes], hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with one tiny checkpoint, which this process asks."""
    with FakeHub({TINY: FakeRepository(tiny_files)}) as running:
        use_hub(running, monkeypatch)
        yield running


@pytest.fixture
def needs_bundled_model() -> None:
    """Skip where the bundled model has not been trained yet."""
    if not (bundled_model() / "model.safetensors").is_file():
        pytest.skip("there is no bundled model in this checkout")
