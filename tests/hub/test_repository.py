"""One request tells the commit, the files a checkpoint needs, and their exact sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgchat.errors import CheckpointError, HubError
from dgchat.hub.repository import free_bytes, look_up
from fake_hub import COMMIT, OTHER_COMMIT, TINY, FakeHub, FakeRepository

NEEDED = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
}


def test_sizes_are_exact_and_asked_for_in_one_request(hub: FakeHub, tiny_files: dict[str, bytes]):
    repository = look_up(TINY)
    assert {file.name: file.num_bytes for file in repository.files} == {
        name: len(tiny_files[name]) for name in NEEDED
    }
    assert repository.num_bytes == sum(len(tiny_files[name]) for name in NEEDED)
    assert [path for _, path in hub.requests if "agent" not in path] == [f"/api/models/{TINY}/revision/main"]


def test_the_small_files_come_before_the_weights(hub: FakeHub):
    names = [file.name for file in look_up(TINY).files]
    assert [name.endswith(".safetensors") for name in names] == [False] * 5 + [True] * 2


def test_a_revision_is_pinned_to_its_commit(hub: FakeHub, tiny_files: dict[str, bytes]):
    hub.repositories[TINY] = FakeRepository(tiny_files, {"main": COMMIT, "v2": OTHER_COMMIT})
    assert look_up(TINY).commit == COMMIT
    assert look_up(TINY, "v2").commit == OTHER_COMMIT
    assert look_up(TINY, OTHER_COMMIT).commit == OTHER_COMMIT


def test_all_is_missing_where_the_cache_is_empty(hub: FakeHub):
    repository = look_up(TINY)
    assert repository.missing() == list(repository.files)


def test_a_file_of_the_wrong_size_is_missing(hub: FakeHub):
    repository = look_up(TINY)
    repository.folder.mkdir(parents=True)
    for file in repository.files:
        (repository.folder / file.name).write_bytes(b"x" * (file.num_bytes - (file.name == "config.json")))
    assert [file.name for file in repository.missing()] == ["config.json"]


@pytest.mark.parametrize("files", [{"model.gguf": b"x"}, {}, {"sub/model.safetensors": b"x"}], ids=str)
def test_a_repository_without_safetensors_is_no_checkpoint(hub: FakeHub, files: dict[str, bytes]):
    hub.repositories[TINY] = FakeRepository(files)
    with pytest.raises(CheckpointError, match="holds no safetensors"):
        look_up(TINY)


@pytest.mark.parametrize(
    "file", ["config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors.index.json"]
)
def test_a_repository_without_a_file_that_opening_needs_is_refused_before_the_first_byte(
    hub: FakeHub, tiny_files: dict[str, bytes], file: str
):
    files = {name: data for name, data in tiny_files.items() if name != file}
    hub.repositories[TINY] = FakeRepository(files)
    with pytest.raises(CheckpointError, match=f"has no {file}"):
        look_up(TINY)


def test_the_address_of_a_page_is_answered_with_the_name_in_it(hub: FakeHub):
    with pytest.raises(CheckpointError, match=r"no name on the hub \(someone/tiny\)"):
        look_up(f"https://huggingface.co/{TINY}")


def test_a_name_that_no_repository_has_is_not_asked_for(hub: FakeHub):
    with pytest.raises(CheckpointError, match="no name on the hub"):
        look_up("tiny")
    assert hub.requests == []


def test_a_hub_that_tells_no_commit_is_refused(hub: FakeHub, tiny_files: dict[str, bytes]):
    hub.repositories[TINY] = FakeRepository(tiny_files, {"main": "../../somewhere"})
    with pytest.raises(HubError, match="did not say which commit"):
        look_up(TINY)


def test_free_space_is_that_of_the_nearest_folder_that_exists(hub_cache: Path, tmp_path: Path):
    assert not hub_cache.exists()
    assert free_bytes() > 0
