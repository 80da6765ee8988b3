"""Which model answers: the named one, else a cached one that fits this GPU, else the bundled one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgchat.engine.fit import Machine, fit_of_folder
from dgchat.engine.model_choice import choose_model
from dgchat.errors import CheckpointError, NotDownloadedError
from dgchat.hub.cache import cached_checkpoints
from dgchat.paths import bundled_model
from fake_hub import COMMIT, TINY
from packed_tiny import plain_tensors, write_packed
from tiny import write_checkpoint

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
    """A cache with two checkpoints, one of them with more experts."""
    put(hub_cache, TINY)
    put(hub_cache, LARGER, num_experts=12)
    return hub_cache


def put(hub_cache: Path, name: str, **text: Any) -> Path:
    """Write a whole checkpoint into the cache; its snapshot."""
    repository = hub_cache / f"models--{name.replace('/', '--')}"
    folder = write_packed(repository / "snapshots" / COMMIT, plain_tensors(**text), None, **text)
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
    needs = {one.name: fit_of_folder(one.folder, machine[-1]).needs_bytes for one in cached_checkpoints()}
    machine.append(Machine("cuda", (needs[TINY] + needs[LARGER]) // 2))
    assert choose_model(None, "auto").name == TINY


def cut_short(snapshot: Path) -> None:
    shard = next(snapshot.glob("*.safetensors"))
    os.truncate(shard, shard.stat().st_size - 100)


def in_blocks_of_fp8(snapshot: Path) -> None:
    config = json.loads((snapshot / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    (snapshot / "config.json").write_text(json.dumps(config))


def without_a_template(snapshot: Path) -> None:
    (snapshot / "chat_template.jinja").write_text("{% if")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (cut_short, "is not a whole safetensors file"),
        (in_blocks_of_fp8, "FP8 with a scale per block or tensor is not read"),
        (without_a_template, "chat_template.jinja"),
    ],
)
def test_one_that_does_not_open_is_passed_over_and_why_is_said(
    cached: Path, spoil: Callable[[Path], None], fault: str
):
    spoil(cached / "models--someone--larger" / "snapshots" / COMMIT)
    choice = choose_model(None, "auto")
    assert choice.name == TINY
    assert f"; {LARGER}: " in choice.reason
    assert fault in choice.reason
    spoil(cached / "models--someone--tiny" / "snapshots" / COMMIT)
    choice = choose_model(None, "auto")
    assert choice.folder == bundled_model()
    assert f"; {TINY}: " in choice.reason
    assert "\n" not in choice.reason


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
