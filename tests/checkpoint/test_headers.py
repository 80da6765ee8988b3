"""What safetensors files say of their tensors."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dgchat.checkpoint.headers import Header, read_headers
from dgchat.errors import CheckpointError
from tiny import tensors, write_checkpoint, write_weights

NORM = "model.decoder.norm.weight"


def write_raw(path: Path, header: bytes, data: bytes) -> None:
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


@pytest.mark.parametrize("shards", [1, 3])
def test_headers_tell_file_type_shape_and_exact_place(tmp_path: Path, shards: int):
    weights = tensors(torch.bfloat16)
    write_weights(tmp_path, weights, shards)
    headers = read_headers(tmp_path)
    assert headers.keys() == weights.keys()
    for name, header in headers.items():
        value = weights[name]
        assert (header.dtype, header.shape) == ("BF16", tuple(value.shape))
        contents = (tmp_path / header.file).read_bytes()[header.offset :][: header.num_bytes]
        assert torch.equal(torch.frombuffer(bytearray(contents), dtype=torch.bfloat16), value.flatten())


@pytest.mark.parametrize(
    ("dtype", "name", "num_bytes"),
    [(torch.uint8, "U8", 6), (torch.float8_e4m3fn, "F8_E4M3", 6), (torch.float32, "F32", 24)],
)
def test_headers_know_the_types_of_quantised_weights(
    tmp_path: Path, dtype: torch.dtype, name: str, num_bytes: int
):
    save_file({"x": torch.zeros(2, 3).to(dtype)}, tmp_path / "model.safetensors")
    header = read_headers(tmp_path)["x"]
    assert header == Header("model.safetensors", name, (2, 3), num_bytes, header.offset)


def test_a_scalar_has_an_empty_shape(tmp_path: Path):
    save_file({"x": torch.tensor(2.0)}, tmp_path / "model.safetensors")
    assert (read_headers(tmp_path)["x"].shape, read_headers(tmp_path)["x"].num_bytes) == ((), 4)


def test_a_tensor_that_a_file_names_twice_is_refused(tmp_path: Path):
    entry = json.dumps({"dtype": "U8", "shape": [1], "data_offsets": [0, 1]})
    write_raw(tmp_path / "model.safetensors", f'{{"x": {entry}, "x": {entry}}}'.encode(), b"1")
    with pytest.raises(CheckpointError, match=r"model\.safetensors .*'x' is in its header twice"):
        read_headers(tmp_path)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"", b""),
        (b"{", b""),
        (b'{"x": 1}', b""),
        (b'{"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 1]}}', b"1"),
        (b'{"x": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}', b"12"),
        (b'{"x": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}', b"12"),
        (b'{"x": {"dtype": "Q7", "shape": [1], "data_offsets": [0, 1]}}', b"1"),
        (b"[" * 10_000, b""),
    ],
    ids=["empty", "half", "not an object", "shape", "hole", "trailing", "type", "deep"],
)
def test_a_header_that_lies_is_refused_with_its_file(tmp_path: Path, header: bytes, data: bytes):
    write_raw(tmp_path / "model.safetensors", header, data)
    with pytest.raises(CheckpointError, match=re.escape("model.safetensors is not a whole")):
        read_headers(tmp_path)


@pytest.mark.parametrize("length", [2**63, 200 * 2**20, 2**64 - 1])
def test_a_header_longer_than_the_file_is_refused_at_once(tmp_path: Path, length: int):
    (tmp_path / "model.safetensors").write_bytes(length.to_bytes(8, "little") + b"{}")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        read_headers(tmp_path)


def test_an_index_of_a_tensor_that_is_not_there_is_refused(tmp_path: Path):
    write_checkpoint(tmp_path, shards=2)
    index = tmp_path / "model.safetensors.index.json"
    weight_map = json.loads(index.read_text())["weight_map"]
    index.write_text(json.dumps({"weight_map": weight_map | {"ghost": weight_map[NORM]}}))
    with pytest.raises(CheckpointError, match="'ghost', which the index puts there, is missing"):
        read_headers(tmp_path)
