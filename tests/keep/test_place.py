"""A keeper's place: another version, checkpoint, device or context is another place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dgchat.keep import place as places
from dgchat.keep.place import place_of, with_whole_path
from dgchat.settings import Settings

SETTINGS = Settings(model="owner/name")


def socket_of(settings: Settings, **environment: str) -> Path:
    return place_of(settings, Path("/run"), environment).socket


def test_what_only_shapes_the_answer_changes_nothing() -> None:
    other = replace(SETTINGS, steps=3, seed=5, system="Rhyme.", thinking=True, keep=9, theme="ember")
    assert socket_of(other, TERM="dumb") == socket_of(SETTINGS)


@pytest.mark.parametrize(
    "change", [{"model": "owner/other"}, {"model": None}, {"device": "cpu"}, {"context": 9}]
)
def test_what_is_loaded_changes_it(change: dict[str, object]) -> None:
    assert socket_of(replace(SETTINGS, **change)) != socket_of(SETTINGS)  # type: ignore[arg-type]


def test_other_gpus_or_another_cache_change_it() -> None:
    assert socket_of(SETTINGS, CUDA_VISIBLE_DEVICES="1") != socket_of(SETTINGS)
    assert socket_of(SETTINGS, HF_HOME="/elsewhere") != socket_of(SETTINGS)


def test_another_version_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = socket_of(SETTINGS)
    monkeypatch.setattr(places, "__version__", "99.0")
    assert socket_of(SETTINGS) != before


def test_a_folder_is_meant_from_anywhere_and_new_files_in_it_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkpoint").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = with_whole_path(Settings(model="checkpoint"))
    assert settings.model == str(tmp_path / "checkpoint")
    before = socket_of(settings)
    (tmp_path / "checkpoint" / "model.safetensors").write_bytes(b"x")
    assert socket_of(settings) != before
