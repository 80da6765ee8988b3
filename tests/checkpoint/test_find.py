"""From a name to a folder, without ever going to the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgchat.checkpoint import find_checkpoint
from dgchat.checkpoint.find import checkpoint_name
from dgchat.errors import CheckpointError
from dgchat.paths import bundled_model

pytestmark = pytest.mark.usefixtures("hub_cache")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_no_name_is_the_bundled_model():
    assert find_checkpoint(None) == bundled_model()


def test_a_folder_is_itself(tmp_path: Path):
    assert find_checkpoint(str(tmp_path)) == tmp_path


def test_a_folder_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert find_checkpoint("~/model") == tmp_path / "model"


def test_a_file_is_refused_with_a_hint(tmp_path: Path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(CheckpointError, match=r"is a file; a checkpoint is a folder") as caught:
        find_checkpoint(str(tmp_path / "model.safetensors"))
    assert caught.value.hint


@pytest.mark.parametrize("name", ["nowhere", "/no/where", "../no/where", "a/b/c", "-a/b"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        find_checkpoint(name)


def test_a_hub_id_in_the_cache_is_its_snapshot(hub_cache: Path):
    repository = hub_cache / "models--someone--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    assert find_checkpoint("someone/tiny") == repository / "snapshots" / COMMIT


def test_a_hub_id_that_is_not_in_the_cache_is_refused_with_the_command_that_fetches_it():
    with pytest.raises(CheckpointError, match="someone/unknown is neither") as caught:
        find_checkpoint("someone/unknown")
    assert caught.value.hint == "dgchat models pull someone/unknown"


@pytest.mark.parametrize(
    "name",
    [
        "a/b--c",
        "a/b..c",
        "a/b-",
        "a/" + "b" * 100,
        "~nosuchuser/x",
        "~nosuchuser",
        "x" * 300,
        "a/" + "x" * 300,
        "a\0b",
        "ä/ö",
    ],
)
def test_a_name_that_no_folder_and_no_repository_can_have_is_one_line(name: str):
    with pytest.raises(CheckpointError) as caught:
        find_checkpoint(name)
    assert name in str(caught.value)
    assert str(caught.value).count(name) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_an_empty_name_is_refused_and_not_the_current_folder(name: str):
    with pytest.raises(CheckpointError, match="name is empty"):
        find_checkpoint(name)


def test_a_path_is_as_good_as_its_spelling(tmp_path: Path):
    assert find_checkpoint(tmp_path) == tmp_path
    with pytest.raises(CheckpointError, match="there is no checkpoint folder /nope/x"):
        find_checkpoint(Path("/nope/x"))


def test_a_path_is_never_a_hub_id():
    with pytest.raises(CheckpointError, match="there is no checkpoint folder someone/tiny"):
        find_checkpoint(Path("someone/tiny"))


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (f"models--google--tiny/snapshots/{COMMIT}", "tiny"),
        (f"models--tiny/snapshots/{COMMIT}", "tiny"),
        (f"backups/snapshots/{COMMIT}", COMMIT),
        ("models--google--tiny", "models--google--tiny"),
        ("tiny", "tiny"),
    ],
)
def test_a_checkpoint_is_named_by_its_folder_or_by_its_repository(tmp_path: Path, folder: str, name: str):
    assert checkpoint_name(tmp_path / folder) == name
