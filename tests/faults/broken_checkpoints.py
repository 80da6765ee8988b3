"""Checkpoint folders of people who mean harm, or whose disk was full: name -> how to make one."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tiny import config_json, tensors, write_checkpoint

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
NORM = "model.decoder.norm.weight"
Breaker = Callable[[Path], None]


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def _raw(header: bytes, data: bytes = b"") -> Breaker:
    def write(folder: Path) -> None:
        (folder / SINGLE).write_bytes(len(header).to_bytes(8, "little") + header + data)

    return write


def _entries(data: bytes = b"12345678", **entries: object) -> Breaker:
    return _raw(json.dumps(entries).encode(), data)


def _entry(dtype: str = "U8", shape: object = (1,), offsets: object = (0, 1)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def _length(length: int) -> Breaker:
    return lambda folder: (folder / SINGLE).write_bytes(length.to_bytes(8, "little") + b"{}") and None


def _sparse_header(folder: Path) -> None:
    """A header of 200 MB that is really there, as a hole in the file."""
    with (folder / SINGLE).open("wb") as file:
        file.write((200 * 2**20).to_bytes(8, "little") + b"{")
        file.truncate(8 + 200 * 2**20)


def _cut(share: float) -> Breaker:
    def cut(folder: Path) -> None:
        data = (folder / SINGLE).read_bytes()
        (folder / SINGLE).write_bytes(data[: int(len(data) * share)])

    return cut


def _append(folder: Path) -> None:
    with (folder / SINGLE).open("ab") as file:
        file.write(b"more")


def _duplicate(folder: Path) -> None:
    entry = json.dumps(_entry())
    _raw(f'{{"x": {entry}, "x": {entry}}}'.encode(), b"1")(folder)


def _with(**changed: torch.Tensor) -> Breaker:
    return lambda folder: write_checkpoint(folder, tensors() | changed) and None


def _nan(folder: Path) -> None:
    values = tensors()
    values[NORM][3] = float("nan")
    write_checkpoint(folder, values)


def _index(change: Callable[[dict[str, str]], dict[str, str]]) -> Breaker:
    def write(folder: Path) -> None:
        write_checkpoint(folder, shards=2)
        weight_map = json.loads((folder / INDEX).read_text())["weight_map"]
        (folder / INDEX).write_text(json.dumps({"weight_map": change(weight_map)}))
        (folder / SINGLE).unlink(missing_ok=True)

    return write


def _to(target: str) -> Breaker:
    return _index(lambda weight_map: weight_map | {NORM: target})


def _link_out(folder: Path) -> None:
    outside = folder.parent / "outside.safetensors"
    outside.write_bytes((folder / SINGLE).read_bytes())
    (folder / SINGLE).unlink()
    (folder / SINGLE).symlink_to(outside)


def _pickled(name: str) -> Breaker:
    def write(folder: Path) -> None:
        (folder / SINGLE).unlink()
        (folder / name).write_bytes(pickle.dumps(Bomb(folder.parent / "bomb")))

    return write


def _config(**fields: object) -> Breaker:
    return lambda folder: (folder / "config.json").write_text(json.dumps(config_json() | fields)) and None


def _text_config(**fields: object) -> Breaker:
    return lambda folder: (folder / "config.json").write_text(json.dumps(config_json(**fields))) and None


def _remote_code(folder: Path) -> None:
    (folder / "modeling.py").write_text(f"import os; os.mkdir({str(folder.parent / 'bomb')!r})\n")
    _config(model_type="mine", auto_map={"AutoModel": "modeling.Model"})(folder)


BROKEN_FILES: dict[str, Breaker] = {
    "truncated in the header": _cut(0.001),
    "truncated in the values": _cut(0.5),
    "trailing bytes": _append,
    "empty": lambda folder: (folder / SINGLE).write_bytes(b"") and None,
    "3 bytes": lambda folder: (folder / SINGLE).write_bytes(b"abc") and None,
    "header of 2^63 bytes": _length(2**63),
    "header of 200 MB, told": _length(200 * 2**20),
    "header of 200 MB, there": _sparse_header,
    "overlap": _entries(a=_entry(offsets=(0, 4), shape=(4,)), b=_entry(offsets=(2, 8), shape=(6,))),
    "hole": _entries(a=_entry(offsets=(0, 4), shape=(4,)), b=_entry(offsets=(6, 8), shape=(2,))),
    "shape overflows": _entries(a=_entry(shape=(2**32, 2**32, 8), offsets=(0, 8))),
    "negative shape": _entries(a=_entry(shape=(-1, -8), offsets=(0, 8))),
    "shape against bytes": _entries(a=_entry(shape=(3,), offsets=(0, 8))),
    "offsets turned over": _entries(a=_entry(shape=(8,), offsets=(8, 0))),
    "unknown dtype": _entries(a=_entry("Q7", shape=(8,), offsets=(0, 8))),
    "nested header": _raw(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "header is a list": _raw(b"[" * 10_000),
    "numbers that are none": _raw(b'{"a": {"dtype": "U8", "shape": [NaN], "data_offsets": [0, 1e9]}}', b"1"),
    "duplicate key": _duplicate,
    "control characters in a name": _with(**{"model.decoder.\x1b]0;x\x07\n": torch.zeros(2)}),
    "NaN": _nan,
    "wrong shape": _with(**{NORM: torch.zeros(5)}),
    "wrong dtype": _with(**{NORM: torch.zeros(32, dtype=torch.float64)}),
    "missing from the index": _index(lambda weight_map: {n: f for n, f in weight_map.items() if n != NORM}),
    "in the index and not in the file": _index(lambda weight_map: weight_map | {"ghost": weight_map[NORM]}),
}
"""Weights that are not what they should be."""

TRAVERSALS: dict[str, Breaker] = {
    "..": _to("../outside.safetensors"),
    "absolute": _to("/etc/passwd"),
    "NUL": _to("model\0.safetensors"),
    "backslashes": _to("..\\outside.safetensors"),
    "a link out": _link_out,
    "a .bin": _pickled("pytorch_model.bin"),
    "a .pkl": _pickled("model.pkl"),
    "a .pt": _pickled("model.pt"),
    "auto_map": _remote_code,
    "config of a billion layers": _text_config(num_hidden_layers=10**9, layer_types=["full_attention"] * 2),
    "config of a huge vocabulary": _text_config(vocab_size=10**12),
    "config of a negative size": _text_config(hidden_size=-1),
}
"""Folders that want something opened, unpickled, run or allocated."""


def break_checkpoint(folder: Path, breaker: Breaker) -> Path:
    """A checkpoint folder in order, with one thing broken."""
    breaker(write_checkpoint(folder))
    return folder
