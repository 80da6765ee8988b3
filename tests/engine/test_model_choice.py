"""Which model answers: the named one, else a cached one that fits this GPU, else the bundled one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgchat.engine.fit import Machine
from dgchat.engine.model_choice import choose_model
from dgchat.errors import CheckpointError, NotDownloadedError
from dgchat.hub.cache import cached_checkpoints
from dgchat.paths import bundled_model
from fake_hub import COMMIT, TINY
from tiny import tensors, write_checkpoint

ROOMY, FULL = 10**12, 10
LARGER = "someone/larger"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[Machine]:
    """The machine, last of the list: with a roomy GPU unless a test appends another."""
    machines = [Machine("cuda", ROOMY)]
    monkeypatch.setattr("dgchat.engine.model_choice.this_machine", lambda device: machines[-1])
    return machines


@pytest.fixture
def cached(hub_cache: Path) -> Path:
    """A cache with two checkpoints, one of them with twice the weights."""
    put(hub_cache, TINY)
    larger = put(hub_cache, LARGER) / "model.safetensors"
    with larger.open("ab") as file:
        file.truncate(2 * larger.stat().st_size)
    return hub_cache


def put(hub_cache: Path, name: str) -> Path:
    """Write a whole checkpoint into the cache; its snapshot."""
    repository = hub_cache / f"models--{name.replace('/', '--')}"
    folder = write_checkpoint(repository / "snapshots" / COMMIT, tensors())
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return folder


@pytest.mark.usefixtures("machine", "cached")
def test_a_named_folder_wins_over_the_cache_and_needs_no_reason(tmp_path: Path):
    folder = write_checkpoint(tmp_path / "mine")
    choice = choose_model(str(folder), "auto")
    assert (choice.folder, choice.name, choice.reason) == (folder, "mine", "")


@pytest.mark.usefixtures("machine", "cached")
def test_a_named_hub_id_wins_over_a_larger_one_in_the_cache():
    assert choose_model(TINY, "auto").folder.parent.parent.name == "models--someone--tiny"


@pytest.mark.usefixtures("machine", "cached")
def test_of_the_cached_ones_that_fit_the_largest_is_taken_and_said():
    choice = choose_model(None, "auto")
    assert choice.name == LARGER
    assert choice.folder.name == COMMIT
    assert f"{LARGER} from the Hugging Face cache fits: needs" in choice.reason
    assert "\n" not in choice.reason


@pytest.mark.usefixtures("cached")
def test_one_that_is_too_large_is_passed_over(machine: list[Machine]):
    sizes = {one.name: one.weight_bytes for one in cached_checkpoints()}
    between = 2_000_000_000 + (sizes[TINY] + sizes[LARGER]) // 2
    machine.append(Machine("cuda", between))
    assert choose_model(None, "auto").name == TINY


@pytest.mark.usefixtures("cached")
def test_where_none_fits_the_bundled_one_is_taken_and_both_numbers_are_said(machine: list[Machine]):
    machine.append(Machine("cuda", FULL))
    choice = choose_model(None, "auto")
    assert choice.folder == bundled_model()
    assert "no cached one fits this GPU" in choice.reason
    assert "MB, 0.0 kB free" in choice.reason


@pytest.mark.usefixtures("machine", "hub_cache")
def test_with_an_empty_cache_the_bundled_one_is_taken_and_said():
    choice = choose_model(None, "auto")
    assert choice.folder == bundled_model()
    assert "dgchat models" in choice.reason


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_without_cuda_the_bundled_one_is_taken_without_a_word(machine: list[Machine], device: str):
    machine.append(Machine(device, ROOMY))
    choice = choose_model(None, "auto")
    assert (choice.folder, choice.reason) == (bundled_model(), "")


@pytest.mark.usefixtures("machine")
def test_one_that_is_here_in_part_or_in_a_foreign_format_is_not_taken(cached: Path):
    (cached / "models--someone--larger" / "snapshots" / COMMIT / "tokenizer.json").unlink()
    config = cached / "models--someone--tiny" / "snapshots" / COMMIT / "config.json"
    config.write_text('{"model_type": "diffusion_gemma", "quantization_config": {"quant_method": "awq"}}')
    assert choose_model(None, "auto").folder == bundled_model()


@pytest.mark.usefixtures("machine", "cached")
def test_a_named_one_that_is_not_here_is_an_error_and_not_another_model():
    with pytest.raises(NotDownloadedError):
        choose_model("someone/absent", "auto")
    with pytest.raises(CheckpointError):
        choose_model("nowhere", "auto")
