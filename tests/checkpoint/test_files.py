"""Reading a folder, and nothing outside of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dgchat.checkpoint import files
from dgchat.checkpoint.files import inside, read_json, read_text, weight_files
from dgchat.errors import CheckpointError
from tiny import write_checkpoint, write_json

OUTSIDE = ["../secret", "..", ".", "", "/etc/passwd", "a/../../secret", "a\\b", "C:secret", "x\0y"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_points_elsewhere_is_refused(folder: Path, name: str):
    with pytest.raises(CheckpointError, match="points out of the checkpoint folder"):
        inside(folder, name)


@pytest.mark.parametrize("name", ["../model.safetensors", "/tmp/model.safetensors", "sub/model.safetensors"])
def test_a_weight_map_that_points_elsewhere_is_refused_before_the_file_is_touched(folder: Path, name: str):
    from dgchat.checkpoint import open_checkpoint

    write_checkpoint(folder)
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"model.decoder.norm.weight": name}})
    with pytest.raises(CheckpointError, match=re.escape(repr(name))):
        open_checkpoint(folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path):
    (folder / "config.json").symlink_to(folder.parent / "secret")
    with pytest.raises(CheckpointError, match=r"config\.json.*link"):
        read_text(folder, "config.json")


def test_a_link_within_the_folder_is_followed(folder: Path):
    (folder / "real.json").write_text("{}")
    (folder / "config.json").symlink_to("real.json")
    assert read_json(folder, "config.json") == {}


def test_a_link_to_nowhere_is_a_missing_file(folder: Path):
    (folder / "config.json").symlink_to("nothing")
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        read_text(folder, "config.json")


def test_a_snapshot_may_link_to_the_blobs_that_one_cache_shares(tmp_path: Path):
    repository, shared = tmp_path / "hub" / "models--a--b", tmp_path / "hub" / "blobs" / "0a"
    snapshot = repository / "snapshots" / "1"
    for folder in (snapshot, repository / "blobs", shared):
        folder.mkdir(parents=True)
    (shared / "0a1b").write_text("{}")
    (repository / "blobs" / "etag").symlink_to("../../blobs/0a/0a1b")
    (snapshot / "config.json").symlink_to("../../blobs/etag")
    assert read_json(snapshot, "config.json") == {}
    elsewhere = tmp_path / "hub" / "other" / "snapshots" / "1"
    elsewhere.mkdir(parents=True)
    (elsewhere / "config.json").symlink_to(shared / "0a1b")
    with pytest.raises(CheckpointError, match="link"):
        read_json(elsewhere, "config.json")


def test_a_snapshot_may_link_to_its_own_repositorys_blobs_only(tmp_path: Path):
    snapshot, blobs = tmp_path / "models--a" / "snapshots" / "1", tmp_path / "models--a" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "f00").write_text("{}")
    (tmp_path / "models--a" / "secret").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/f00")
    (snapshot / "tokenizer.json").symlink_to("../../secret")
    assert read_json(snapshot, "config.json") == {}
    with pytest.raises(CheckpointError, match="link"):
        read_json(snapshot, "tokenizer.json")


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "[" * 100_000])
def test_what_is_no_json_object_is_named(folder: Path, text: str):
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_json(folder, "config.json")


def test_bytes_that_are_no_text_are_named(folder: Path):
    (folder / "config.json").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        read_text(folder, "config.json")


def test_a_folder_in_place_of_a_file_is_named(folder: Path):
    (folder / "config.json").mkdir()
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        read_text(folder, "config.json")


def test_a_huge_text_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 10)
    (folder / "config.json").write_text("x" * 11)
    with pytest.raises(CheckpointError, match="larger than"):
        read_text(folder, "config.json")


def test_an_index_wins_over_a_single_file(folder: Path):
    (folder / "model.safetensors").touch()
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"b": "2", "a": "1", "c": "1"}})
    assert weight_files(folder) == (["1", "2"], {"b": "2", "a": "1", "c": "1"})


@pytest.mark.parametrize("index", [{}, {"weight_map": []}, {"weight_map": {"a": 1}}])
def test_an_index_without_a_weight_map_is_refused(folder: Path, index: dict[str, object]):
    write_json(folder / "model.safetensors.index.json", index)
    with pytest.raises(CheckpointError, match=r"index\.json has no weight_map"):
        weight_files(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.gguf", "weights.npz"])
def test_a_folder_of_other_weights_is_refused_with_their_name_as_a_hint(folder: Path, name: str):
    (folder / name).touch()
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors nor") as caught:
        weight_files(folder)
    assert caught.value.hint == f"{name} is not read; only safetensors are"


def test_an_empty_folder_has_no_hint(folder: Path):
    with pytest.raises(CheckpointError) as caught:
        weight_files(folder)
    assert caught.value.hint is None


def test_a_name_that_no_file_can_have_is_named(folder: Path):
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": "x" * 300}})
    (name,), _ = weight_files(folder)
    with pytest.raises(CheckpointError, match=r"xxx.* cannot be read"):
        inside(folder, name)
