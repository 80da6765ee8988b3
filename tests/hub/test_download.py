"""Whole files, one after the other, each at most once."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from threading import Event as Flag
from typing import NamedTuple

import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils import WeakFileLock

from dgchat.checkpoint import find_checkpoint, open_checkpoint
from dgchat.errors import CheckpointError, HubError, StoppedError
from dgchat.hub.cache import cached_folder
from dgchat.hub.download import check_disk, clear_leftovers, download, fetch
from dgchat.hub.repository import RemoteFile, Repository, look_up
from fake_hub import COMMIT, OTHER_COMMIT, TINY, FakeHub, FakeRepository

USELESS_PART = "*.*.incomplete"
"""What huggingface_hub 2 calls half a file; 1 calls it `*.incomplete`, and goes on with it."""

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def never(_file: RemoteFile, _num_bytes: int) -> None:
    """Listen to nothing."""


def disk_with(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(free, 0, free))


def test_what_was_fetched_opens_by_its_hub_id(hub: FakeHub):
    fetch(TINY)
    assert find_checkpoint(TINY).name == COMMIT
    assert open_checkpoint(find_checkpoint(TINY)).config.canvas_length > 0


def test_each_file_is_fetched_once_and_a_whole_checkpoint_not_at_all(hub: FakeHub):
    fetch(TINY)
    assert sorted(hub.fetched()) == sorted(file.name for file in look_up(TINY).files)
    hub.requests.clear()
    fetch(TINY)
    assert hub.fetched() == []


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_was_cut_short_is_fetched_anew(hub: FakeHub, hub_cache: Path, has_links: bool):
    fetch(TINY)
    shard = look_up(TINY).folder / FIRST
    whole = shard.read_bytes()
    if not has_links:  # as on a file system without them: the file itself is in the snapshot
        shard.resolve().replace(shard)
    with shard.open("r+b") as file:
        file.truncate(5000)
    hub.requests.clear()
    fetch(TINY)
    assert hub.fetched() == [FIRST]
    assert shard.read_bytes() == whole


def test_a_file_of_another_size_than_was_told_is_no_success(hub: FakeHub):
    hub.cuts_short = FIRST
    repository, told = look_up(TINY), dict[str, int]()
    with pytest.raises(HubError, match=FIRST):
        download(repository, lambda file, num_bytes: told.update({file.name: num_bytes}), Flag())
    assert told.get(FIRST, 0) < repository.files[-2].num_bytes
    assert cached_folder(TINY) is None


def test_xet_is_left_alone_so_that_a_stop_is_one(hub: FakeHub):
    hub.offers_xet = True
    fetch(TINY)
    assert look_up(TINY).missing() == []
    assert not constants.HF_HUB_DISABLE_XET


def test_a_file_counts_as_whole_only_once_it_is_written(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(file_download, "_chmod_and_move", full)
    told: list[tuple[RemoteFile, int]] = []
    with pytest.raises(HubError, match="the disk is full") as caught:
        download(look_up(TINY), lambda file, num_bytes: told.append((file, num_bytes)), Flag())
    assert "make room" in str(caught.value.hint)
    assert told
    assert all(num_bytes < file.num_bytes for file, num_bytes in told)


def test_whatever_else_goes_wrong_is_one_line_too(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the tunnel\nhas collapsed")

    monkeypatch.setattr(file_download, "http_get", broken)
    with pytest.raises(HubError, match=r"\.j.*: the tunnel has collapsed \(.*what is whole is kept"):
        fetch(TINY)


def test_bytes_are_told_up_to_the_whole_file(hub: FakeHub):
    told: dict[str, list[int]] = {}
    repository = look_up(TINY)
    download(repository, lambda file, count: told.setdefault(file.name, []).append(count), Flag())
    assert {name: counts[-1] for name, counts in told.items()} == {
        file.name: file.num_bytes for file in repository.files
    }
    assert all(counts == sorted(counts) for counts in told.values())


def test_a_stop_keeps_whole_files_and_nothing_else(hub: FakeHub):
    repository, cancelled = look_up(TINY), Flag()

    def stop(file: RemoteFile, _num_bytes: int) -> None:
        if file.name == SECOND:
            cancelled.set()

    with pytest.raises(StoppedError):
        download(repository, stop, cancelled)
    assert [file.name for file in repository.missing()] == [SECOND]
    assert cached_folder(TINY) is None
    assert not list(repository.folder.parent.parent.rglob(USELESS_PART))
    hub.requests.clear()
    fetch(TINY)
    assert hub.fetched() == [SECOND]


def test_the_revision_changes_only_when_the_new_commit_is_whole(hub: FakeHub, tiny_files: dict[str, bytes]):
    fetch(TINY)
    newer = tiny_files | {"chat_template.jinja": b"{{ newer }}"}
    hub.repositories[TINY] = FakeRepository(newer, {"main": OTHER_COMMIT})
    cancelled = Flag()
    cancelled.set()
    with pytest.raises(StoppedError):
        download(look_up(TINY), never, cancelled)
    assert find_checkpoint(TINY).name == COMMIT
    hub.requests.clear()
    fetch(TINY)
    assert find_checkpoint(TINY).name == OTHER_COMMIT
    assert hub.fetched() == ["chat_template.jinja"]


def test_a_commit_is_no_revision_to_keep(hub: FakeHub):
    repository = look_up(TINY, COMMIT)
    download(repository, never, Flag())
    assert not (repository.folder.parent.parent / "refs").exists()
    assert cached_folder(TINY) == repository.folder


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (b'{"model_type": "llama"}', "no DiffusionGemma"),
        (b'{"model_type": "diffusion_gemma", "quantization_config": {"quant_method": "awq"}}', "as AWQ"),
    ],
)
def test_weights_that_would_not_open_are_not_fetched(
    hub: FakeHub, tiny_files: dict[str, bytes], config: bytes, words: str
):
    hub.repositories[TINY] = FakeRepository(tiny_files | {"config.json": config})
    with pytest.raises(CheckpointError, match=words):
        fetch(TINY)
    assert not any(name.endswith(".safetensors") for name in hub.fetched())


def test_a_short_disk_is_refused_before_the_first_byte(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    needed = -(-look_up(TINY).num_bytes * 102 // 100)
    disk_with(needed - 1, monkeypatch)
    with pytest.raises(HubError) as caught:
        fetch(TINY)
    assert f"{needed:,} bytes" in caught.value.message
    assert f"{needed - 1:,} bytes" in caught.value.message
    assert hub.fetched() == []
    disk_with(needed, monkeypatch)
    fetch(TINY)


def test_what_is_here_already_needs_no_disk(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    fetch(TINY)
    disk_with(0, monkeypatch)
    check_disk(look_up(TINY))


def left_by_a_kill(repository: Repository) -> Path:
    blob = next(file.blob for file in repository.files if file.name == FIRST)
    part = repository.folder.parent.parent / "blobs" / f"{blob}.0a1b2c3d.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    return part


def test_what_a_killed_download_left_is_removed(hub: FakeHub):
    part = left_by_a_kill(look_up(TINY))
    assert clear_leftovers(look_up(TINY)) == 1000
    assert not part.exists()


def test_what_a_killed_download_left_of_a_whole_file_is_removed_too(hub: FakeHub):
    part = left_by_a_kill(look_up(TINY))
    fetch(TINY)
    assert clear_leftovers(look_up(TINY)) == 1000
    assert not part.exists()
    assert look_up(TINY).missing() == []


def test_what_another_process_is_fetching_is_left_alone(hub: FakeHub, hub_cache: Path):
    part = left_by_a_kill(look_up(TINY))
    lock = hub_cache / ".locks" / "models--someone--tiny" / f"{part.name.partition('.')[0]}.lock"
    lock.parent.mkdir(parents=True)
    with WeakFileLock(lock):
        assert clear_leftovers(look_up(TINY)) == 0
    assert part.exists()
