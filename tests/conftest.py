"""Every test starts without the settings of whoever runs it, and writes into a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dgchat.paths import bundled_model

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("DGCHAT_")]:
        monkeypatch.delenv(variable)
    for variable in ("SSH_CONNECTION", "SSH_TTY", "TMUX", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for kind in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"DGCHAT_{kind}_DIR", str(tmp_path / kind.lower()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(ROOT / part) for part in ("", "kernels", "tests")))


@pytest.fixture
def needs_bundled_model() -> None:
    """Skip where the bundled model has not been trained yet."""
    if not (bundled_model() / "model.safetensors").is_file():
        pytest.skip("there is no bundled model in this checkout")
