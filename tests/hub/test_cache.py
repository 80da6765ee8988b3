"""What the cache holds is read from its folders, and only from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dgchat.hub.cache import (
    cached_checkpoints,
    cached_folder,
    id_of_page,
    is_hub_id,
    is_whole,
    missing_files,
    needs_download,
)
from fake_hub import COMMIT, OTHER_COMMIT, TINY
from tiny import write_checkpoint


def put(hub_cache: Path, name: str = TINY, commit: str = COMMIT, ref: str | None = "main") -> Path:
    """Write a whole tiny checkpoint into the cache and return its snapshot."""
    repository = hub_cache / f"models--{name.replace('/', '--')}"
    folder = write_checkpoint(repository / "snapshots" / commit, shards=2)
    if ref:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / ref).write_text(commit)
    return folder


@pytest.mark.parametrize("name", ["a/b", "google/diffusiongemma-26B-A4B-it", "a.b/c_d"])
def test_owner_and_name_make_a_hub_id(name: str):
    assert is_hub_id(name)


@pytest.mark.parametrize("name", ["a", "a/b/c", "a/b--c", "a/b..c", "a/b-", "-a/b", "a/" + "b" * 100, ""])
def test_what_the_hub_does_not_allow_is_no_hub_id(name: str):
    assert not is_hub_id(name)


@pytest.mark.parametrize(
    "address",
    ["https://huggingface.co/a/nv", "http://hf.co/a/nv/", "huggingface.co/a/nv/tree/main?not-for-all#x"],
)
def test_the_address_of_a_page_has_a_hub_id_in_it(address: str):
    assert id_of_page(address) == "a/nv"


@pytest.mark.parametrize(
    "text", ["a/nv", "https://example.org/a/nv", "https://huggingface.co/datasets/a/b", "https://hf.co/a"]
)
def test_other_texts_are_no_address_of_a_model(text: str):
    assert id_of_page(text) is None


def test_without_a_cache_nothing_is_in_it(hub_cache: Path):
    assert cached_checkpoints() == []
    assert cached_folder(TINY) is None
    assert needs_download(TINY)


def test_a_whole_checkpoint_is_told_with_format_commit_and_sizes(hub_cache: Path):
    folder = put(hub_cache)
    (checkpoint,) = cached_checkpoints()
    assert (checkpoint.name, checkpoint.format, checkpoint.commit) == (TINY, "bf16", COMMIT)
    assert checkpoint.is_whole
    assert checkpoint.num_bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert checkpoint.weight_bytes == sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert not needs_download(TINY)


@pytest.mark.parametrize(
    "file",
    ["config.json", "tokenizer.json", "chat_template.jinja", "model-00002-of-00002.safetensors"],
)
def test_without_a_file_that_opening_needs_it_is_not_whole(hub_cache: Path, file: str):
    folder = put(hub_cache)
    (folder / file).unlink()
    assert missing_files(folder) == [file]
    assert not is_whole(folder)
    assert needs_download(TINY)


def test_a_link_to_a_blob_that_is_gone_is_a_missing_file(hub_cache: Path):
    folder = put(hub_cache)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to("../../blobs/gone")
    assert not is_whole(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"weight_map": 3}', '{"weight_map": {"a": 1}}', "{}"])
def test_with_an_index_that_tells_nothing_it_is_not_whole(hub_cache: Path, text: str):
    folder = put(hub_cache)
    (folder / "model.safetensors.index.json").write_text(text)
    assert not is_whole(folder)


def test_other_models_and_half_a_repository_are_left_out(hub_cache: Path):
    other = put(hub_cache, "someone/llama")
    (other / "config.json").write_text('{"model_type": "llama"}')
    (hub_cache / "models--someone--empty").mkdir()
    (hub_cache / "models--someone--nonsense" / "snapshots" / "main").mkdir(parents=True)
    (hub_cache / "datasets--someone--words").mkdir()
    assert cached_checkpoints() == []


def test_the_main_revision_is_opened_and_not_the_one_pulled_last(hub_cache: Path):
    main = put(hub_cache)
    put(hub_cache, commit=OTHER_COMMIT, ref="v2")
    assert cached_folder(TINY) == main


def test_without_a_main_revision_the_whole_one_pulled_last_is_opened(hub_cache: Path):
    first = put(hub_cache, ref="v1")
    last = put(hub_cache, commit=OTHER_COMMIT, ref="v2")
    os.utime(first, (1, 1))
    assert cached_folder(TINY) == last
    (last / "config.json").unlink()
    assert cached_folder(TINY) == first


def test_a_reference_to_anything_but_a_commit_is_not_followed(hub_cache: Path):
    put(hub_cache, ref=None)
    reference = hub_cache / "models--someone--tiny" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text("../../../..")
    found = cached_folder(TINY)
    assert found is not None
    assert found.name == COMMIT


def test_a_folder_of_that_name_needs_no_download(
    hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / TINY).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not needs_download(TINY)
