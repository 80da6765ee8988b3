"""From bf16 to NVFP4: what comes out, what is refused, and how little memory it takes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from dgchat.checkpoint import open_checkpoint
from dgchat.checkpoint.formats.nvfp4 import pack
from dgchat.checkpoint.quantize import quantize
from dgchat.checkpoint.safetensors_writer import SafetensorsWriter
from dgchat.checkpoint.verify import SUMS, verify
from dgchat.engine.events import LoadProgress
from dgchat.errors import CheckpointError, DgchatError, UsageError
from dgchat.hub.quantisation import MODELOPT_FILE
from packed_tiny import logits_of, plain_tensors, quantisation_json, quantise, weights_of, write_packed
from peak_memory import CAN_MEASURE, raised_peak
from tiny import write_checkpoint, write_weights

VISION = "model.encoder.vision_tower.patch.weight"
DOWN = "model.decoder.layers.0.experts.down_proj"


def source_in(folder: Path, weights: Mapping[str, Tensor] | None = None, **text: Any) -> Path:
    plain = plain_tensors(**text) if weights is None else weights
    return write_packed(folder, plain, None, **text)


def definition(plain: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with every expert's projections quantised and dequantised again."""
    twin = {name: value.float().clone() for name, value in plain.items()}
    for name, value in twin.items():
        if ".experts." in name:
            for weight in value:
                for half in weight.chunk(2 if name.endswith("gate_up_proj") else 1):
                    half.copy_(weights_of(*pack(half)))
    return twin


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_what_is_quantised_and_loaded_computes_what_the_definition_says(tmp_path: Path, stored: torch.dtype):
    plain = {name: value.to(stored) for name, value in plain_tensors().items()}
    quantize(source_in(tmp_path / "plain", plain), tmp_path / "packed")
    write_packed(tmp_path / "twin", definition(plain), None)
    checkpoint = open_checkpoint(tmp_path / "packed")
    assert (checkpoint.quantisation, checkpoint.dtype) == ("nvfp4", stored)
    ours, theirs = checkpoint.load().model, open_checkpoint(tmp_path / "twin").load().model
    assert torch.equal(logits_of(ours, torch.float32), logits_of(theirs, torch.float32))


def test_every_other_tensor_keeps_its_bytes_and_its_shard(tmp_path: Path):
    plain = plain_tensors() | {VISION: torch.randn(3, 5, dtype=torch.float16)}
    source = source_in(tmp_path / "plain", plain)
    quantize(source, tmp_path / "packed")
    kept = 0
    for path in sorted(source.glob("*.safetensors")):
        with safe_open(path, "pt") as before, safe_open(tmp_path / "packed" / path.name, "pt") as after:
            for name in (name for name in before.keys() if ".experts." not in name):  # noqa: SIM118  no dict
                assert after.get_tensor(name).dtype == plain[name].dtype
                assert torch.equal(after.get_tensor(name), plain[name])
                kept += 1
    assert kept == sum(".experts." not in name for name in plain)


def test_one_file_stays_one_file(tmp_path: Path):
    source = source_in(tmp_path / "plain")
    weights = plain_tensors()
    for path in source.glob("*.safetensors*"):
        path.unlink()
    write_weights(source, weights)
    quantize(source, tmp_path / "packed")
    assert [path.name for path in (tmp_path / "packed").glob("*.safetensors*")] == ["model.safetensors"]
    assert open_checkpoint(tmp_path / "packed").load().model


def test_other_files_are_copied_and_both_configurations_name_the_format(tmp_path: Path):
    source = source_in(tmp_path / "plain")
    (source / "LICENSE").write_text("take it")
    quantize(source, tmp_path / "packed")
    packed = tmp_path / "packed"
    assert {path.name for path in packed.iterdir()} == {path.name for path in source.iterdir()} | {
        MODELOPT_FILE
    }
    for name in ("LICENSE", "tokenizer.json", "chat_template.jinja", "generation_config.json"):
        assert (packed / name).read_bytes() == (source / name).read_bytes()
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (source, packed))
    assert after.pop("quantization_config")["quant_algo"] == "NVFP4"
    assert after == before
    own = json.loads((packed / MODELOPT_FILE).read_text())["quantization"]
    assert (own["quant_algo"], own["group_size"]) == ("NVFP4", 16)


def test_what_tells_of_the_old_weights_or_leads_elsewhere_is_left_behind(tmp_path: Path):
    source = source_in(tmp_path / "plain")
    (source / SUMS).write_text(f"{'0' * 64}  model-00001-of-00002.safetensors\n")
    (source / "pytorch_model.bin").write_bytes(bytes(100))
    (tmp_path / "notes").write_text("mine")
    for name in ("README.md", "LICENSE"):
        (source / name).symlink_to(tmp_path / "notes")
    before = {path.name for path in source.iterdir()}
    quantize(source, tmp_path / "packed")
    left_behind = {SUMS, "pytorch_model.bin", "README.md", "LICENSE"}
    assert {path.name for path in (tmp_path / "packed").iterdir()} == before - left_behind | {MODELOPT_FILE}
    verify(tmp_path / "packed", lambda file: None)


def test_progress_counts_up_to_every_byte_of_the_source(tmp_path: Path):
    seen: list[LoadProgress] = []
    source = source_in(tmp_path / "plain")
    quantize(source, tmp_path / "packed", seen.append)
    total = sum(header.num_bytes for header in open_checkpoint(source).headers.values())
    assert [progress.done_bytes for progress in seen] == sorted({progress.done_bytes for progress in seen})
    assert (seen[-1].done_bytes, seen[-1].total_bytes) == (total, total)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path):
    source = source_in(tmp_path / "plain")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").touch()
    for target in (tmp_path / "mine", source):
        before = sorted(path.name for path in target.iterdir())
        with pytest.raises(UsageError, match="exists already"):
            quantize(source, target)
        assert sorted(path.name for path in target.iterdir()) == before


def test_a_target_in_no_folder_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="there is no folder"):
        quantize(source_in(tmp_path / "plain"), tmp_path / "nowhere" / "packed")


def test_a_short_disk_is_refused_with_both_numbers_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = source_in(tmp_path / "plain")
    quantize(source, tmp_path / "packed")
    rewritten = ("config.json", MODELOPT_FILE, "model.safetensors.index.json")
    needed = sum(
        path.stat().st_size for path in (tmp_path / "packed").iterdir() if path.name not in rewritten
    )
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed - 1))
    with pytest.raises(DgchatError, match=re.escape(f"{needed - 1:,} bytes free, ")) as caught:
        quantize(source, tmp_path / "again")
    assert f"{needed:,}" in caught.value.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["packed", "plain"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=needed))
    quantize(source, tmp_path / "again")


def test_a_quantised_source_is_refused(tmp_path: Path):
    packed, _ = quantise("modelopt", plain_tensors())
    write_packed(tmp_path / "packed", packed, quantisation_json("modelopt"))
    with pytest.raises(CheckpointError, match="quantised already: nvfp4"):
        quantize(tmp_path / "packed", tmp_path / "again")


def test_sizes_that_are_no_whole_blocks_are_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="rows of 20 weights, NVFP4 blocks of 16"):
        quantize(write_checkpoint(tmp_path / "plain"), tmp_path / "packed")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain"]


@pytest.mark.parametrize("fault", ["nan", "interrupt", "write", "shard"])
def test_what_goes_wrong_half_way_leaves_nothing_behind(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
):
    weights = plain_tensors()
    if fault == "nan":
        weights[DOWN][3, 5, 7] = float("nan")
    source = source_in(tmp_path / "plain", weights)
    expected: dict[str, type[BaseException]] = {
        "nan": CheckpointError,
        "interrupt": KeyboardInterrupt,
        "write": DgchatError,
        "shard": DgchatError,
    }

    def interrupt(progress: LoadProgress) -> None:
        if progress.done_bytes > progress.total_bytes / 2:
            raise KeyboardInterrupt

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if fault == "write":
        monkeypatch.setattr(shutil, "copyfile", full)
    if fault == "shard":
        monkeypatch.setattr(SafetensorsWriter, "write", full)
    with pytest.raises(expected[fault]) as caught:
        quantize(source, tmp_path / "packed", interrupt if fault == "interrupt" else None)
    if fault == "nan":
        assert repr(DOWN) in str(caught.value)
    if fault in ("write", "shard"):
        assert str(caught.value).startswith(f"{tmp_path / 'packed'} cannot be written: ")
        assert "No space left on device" in str(caught.value)
        assert type(caught.value) is DgchatError, "the source is not at fault"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain"]


@pytest.mark.skipif(not CAN_MEASURE, reason="only Linux tells the peak")
def test_the_peak_of_memory_is_below_two_shards(tmp_path: Path):
    text = {"hidden_size": 256, "moe_intermediate_size": 256, "num_experts": 48}
    source = source_in(tmp_path / "plain", **text)
    shard = max(path.stat().st_size for path in source.glob("*.safetensors"))
    assert shard > 30 * 2**20
    small = source_in(tmp_path / "small")
    peak = raised_peak(
        "from dgchat.checkpoint.quantize import quantize; "
        "source, target, small = map(Path, sys.argv[1:]); quantize(small, target.with_name('warm up'))",
        "quantize(source, target)",
        *(source, tmp_path / "packed", small),
    )
    assert 0 < peak < 2 * shard
    assert open_checkpoint(tmp_path / "packed").quantisation == "nvfp4"
