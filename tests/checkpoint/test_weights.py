"""Streaming weights: with progress, to be cancelled anywhere, and never with a crash."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path
from threading import Event

import pytest
import torch

from dgchat.checkpoint import open_checkpoint, raw, weights
from dgchat.engine.events import LoadProgress
from dgchat.errors import CheckpointError, LoadCancelled
from packed_tiny import plain_tensors, write_packed
from peak_memory import CAN_MEASURE, raised_peak
from tiny import tensors, write_checkpoint

CHUNK = 1000
"""Bytes, in place of millions: even tiny tensors then arrive in many chunks."""


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "CHUNK_BYTES", CHUNK)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("wanted", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_weights_arrive_whole_in_chunks_of_any_size(tmp_path: Path, stored: torch.dtype, wanted: torch.dtype):
    values = tensors(stored)
    checkpoint = open_checkpoint(write_checkpoint(tmp_path, values, shards=3))
    state = checkpoint.load(dtype=wanted).model.state_dict()
    for name, expected in checkpoint.layout.items():
        assert torch.equal(state[expected.parameter], values[name].to(wanted))


@pytest.mark.usefixtures("small_chunks")
def test_progress_counts_up_to_every_byte_that_is_needed(tmp_path: Path):
    values = tensors() | {"model.encoder.vision_tower.patch": torch.zeros(10_000)}
    seen: list[LoadProgress] = []
    checkpoint = open_checkpoint(write_checkpoint(tmp_path, values, shards=3))
    checkpoint.load(on_progress=seen.append)
    needed = sum(values[name].nbytes for name in checkpoint.headers)
    assert {progress.total_bytes for progress in seen} == {needed}
    done = [progress.done_bytes for progress in seen]
    assert done == sorted(done)
    assert done[-1] == needed
    assert max(b - a for a, b in zip([0, *done], done, strict=False)) <= CHUNK


def num_alive(kept: list[weakref.ref[torch.Tensor]]) -> int:
    """How many of these tensors are in memory; those on the meta device never are."""
    return sum(not tensor.is_meta for one in kept if (tensor := one()) is not None)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("after", [0, 1, 150])
def test_a_cancelled_load_stops_at_the_next_chunk_and_frees_what_it_had(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
):
    kept: list[weakref.ref[torch.Tensor]] = []
    make = torch.empty

    def remember(*args: object, **options: object) -> torch.Tensor:
        tensor = make(*args, **options)
        kept.append(weakref.ref(tensor))
        return tensor

    cancelled, seen = Event(), []

    def watch(progress: LoadProgress) -> None:
        seen.append(progress)
        if len(seen) == after:
            cancelled.set()

    checkpoint = open_checkpoint(write_checkpoint(tmp_path))
    if not after:
        cancelled.set()
    monkeypatch.setattr(torch, "empty", remember)
    with pytest.raises(LoadCancelled) as caught:
        checkpoint.load(on_progress=watch, cancelled=cancelled)
    assert len(seen) == after
    gc.collect()
    assert num_alive(kept) == 0, "a session keeps the error, and a traceback what its frames hold"
    assert caught.value.__traceback__ is not None


def test_a_file_that_shrinks_while_it_is_read_is_an_error_and_no_crash(tmp_path: Path):
    checkpoint = open_checkpoint(write_checkpoint(tmp_path))
    path = tmp_path / "model.safetensors"
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(CheckpointError, match=r"model\.safetensors has become shorter"):
        checkpoint.load()


def test_a_file_that_is_gone_when_it_is_read_is_named(tmp_path: Path):
    checkpoint = open_checkpoint(write_checkpoint(tmp_path))
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        checkpoint.load()


def test_a_read_that_the_system_refuses_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Broken(raw.FileIO):
        def readinto(self, buffer: memoryview) -> int:
            raise OSError(5, "Input/output error")

    checkpoint = open_checkpoint(write_checkpoint(tmp_path))
    monkeypatch.setattr(raw, "FileIO", Broken)
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read: .*Input/output error"):
        checkpoint.load()


def test_what_fails_beside_an_open_file_is_not_laid_to_it(tmp_path: Path):
    (tmp_path / "data").touch()
    with pytest.raises(OSError, match="No space left"), raw.open_raw(tmp_path, "data"):
        raise OSError(28, "No space left on device")


def test_a_read_that_the_system_cuts_short_goes_on(tmp_path: Path):
    class Stutter(raw.FileIO):
        def readinto(self, buffer: memoryview) -> int:
            return super().readinto(buffer[:7])

    (tmp_path / "data").write_bytes(bytes(range(100)))
    target = torch.empty(10, dtype=torch.float32)
    with Stutter(tmp_path / "data") as stream:
        raw.read_into(stream, 3, target)
    assert bytes(target.view(torch.uint8)) == bytes(range(3, 43))


@pytest.mark.skipif(not CAN_MEASURE, reason="only Linux tells the peak")
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16], ids=str)
def test_the_peak_of_loading_is_the_weights_in_memory_and_a_chunk(tmp_path: Path, stored: torch.dtype):
    text = {"hidden_size": 256, "moe_intermediate_size": 256, "num_experts": 48}
    plain = {name: value.to(stored) for name, value in plain_tensors(**text).items()}
    in_memory = sum(4 * value.numel() for value in plain.values())
    assert in_memory > 2 * raw.CHUNK_BYTES
    peak = raised_peak(
        "from dgchat.checkpoint import open_checkpoint; "
        "large, small = map(open_checkpoint, map(Path, sys.argv[1:])); small.load()",
        "large.load()",
        *(write_packed(tmp_path / "large", plain, None, **text), write_checkpoint(tmp_path / "small")),
    )
    assert peak < in_memory + raw.CHUNK_BYTES + 8 * 2**20
