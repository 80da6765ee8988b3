"""Files written tensor by tensor are what safetensors reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from dgchat.checkpoint.safetensors_writer import Entry, SafetensorsWriter, file_bytes

DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.uint8: "U8", torch.float8_e4m3fn: "F8_E4M3"}

TENSORS = {
    "odd bytes": torch.arange(3, dtype=torch.uint8),
    "scale": torch.tensor(0.25),
    "wide ✓": torch.randn(3, 5),
    "narrow": torch.randn(7).bfloat16(),
    "block": torch.randn(2, 3).to(torch.float8_e4m3fn),
    "none": torch.empty(0, 4),
}


def entries(tensors: dict[str, Tensor]) -> dict[str, Entry]:
    return {name: Entry(DTYPES[t.dtype], tuple(t.shape), t.nbytes) for name, t in tensors.items()}


@pytest.mark.parametrize("names", [sorted(TENSORS), sorted(TENSORS, reverse=True)], ids=["a to z", "z to a"])
def test_tensors_written_in_any_order_are_read_back(tmp_path: Path, names: list[str]):
    path = tmp_path / "out.safetensors"
    with SafetensorsWriter(path, entries(TENSORS)) as writer:
        for name in names:
            writer.write(name, TENSORS[name])
    read = load_file(path)
    assert read.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert (read[name].dtype, read[name].shape) == (value.dtype, value.shape)
        assert torch.equal(read[name].view(-1).view(torch.uint8), value.reshape(-1).view(torch.uint8))
    assert path.stat().st_size == file_bytes(entries(TENSORS))


def test_a_tensor_may_be_written_in_parts_and_from_a_view(tmp_path: Path):
    value = torch.arange(40, dtype=torch.float32).view(5, 8).T
    with SafetensorsWriter(tmp_path / "x", entries({"x": value})) as writer:
        flat = value.contiguous().view(-1)
        writer.write("x", flat[20:], start=80)
        writer.write("x", flat[:20])
    assert torch.equal(load_file(tmp_path / "x")["x"], value)


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        SafetensorsWriter(tmp_path / "x", {})
    assert (tmp_path / "x").read_bytes() == b"mine"
