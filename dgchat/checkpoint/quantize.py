"""From bf16 to NVFP4: a new checkpoint folder in which the experts, and only they, are quantised.

Names, scales and configuration follow NVIDIA's ModelOpt; the scales of activations, which only data could
tell, are left out.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from math import prod
from pathlib import Path

import torch

from dgchat.checkpoint.files import INDEX, own_files, read_json
from dgchat.checkpoint.folder import open_checkpoint
from dgchat.checkpoint.formats.layout import TORCH_DTYPES, are_experts, experts_layout, projections
from dgchat.checkpoint.formats.nvfp4 import pack
from dgchat.checkpoint.formats.packed import NVFP4_NAMES
from dgchat.checkpoint.headers import Header, read_headers
from dgchat.checkpoint.raw import CHUNK_BYTES, open_raw, read_into
from dgchat.checkpoint.safetensors_writer import Entry, SafetensorsWriter, file_bytes
from dgchat.engine.events import LoadListener, LoadProgress
from dgchat.errors import CheckpointError, DgchatError, UsageError
from dgchat.hub.quantisation import MODELOPT_FILE, Quantisation
from dgchat_kernels import NVFP4_BLOCK

_FORMAT = Quantisation("nvfp4", "modelopt")

_KEPT = ["lm_head", "model.encoder*"] + [
    f"model.decoder.{module}*"
    for module in (
        "embed_tokens",
        "self_conditioning",
        "layers.*.self_attn",
        "layers.*.mlp",
        "layers.*.router",
    )
]
"""Patterns of the modules that stay as they are, for programs that ask the configuration."""

_COPIED = {
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "NOTICE",
    "chat_template.jinja",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
}
"""What is copied as it is: nothing that tells of the old weights, like their hashes, or holds them again."""


def quantize(source: Path, target: Path, on_progress: LoadListener | None = None) -> None:
    """Write the bf16 or fp32 checkpoint in `source` as an NVFP4 one to `target`, a folder that is not there
    yet and never is there in part.

    Shard by shard, with one expert or a few megabytes of it in memory; `on_progress` counts the bytes of
    `source`. UsageError if `target` exists,
    DgchatError if the disk is short, CheckpointError for a source that cannot be opened or is quantised.
    """
    checkpoint = open_checkpoint(source)
    if checkpoint.quantisation != "none":
        raise CheckpointError(
            f"{source} is quantised already: {checkpoint.quantisation}", hint="give a bf16 or fp32 checkpoint"
        )
    job = _Quantising(source, read_headers(source), on_progress)
    others = [source / name for name in sorted(own_files(source) & _COPIED)]
    _refuse_target(target, job.output_bytes() + sum(path.stat().st_size for path in others))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        job.write_shards(partial)
        for path in others:
            shutil.copyfile(path, partial / path.name)
        _write_configuration(source, partial)
        partial.rename(target)
    except OSError as error:
        raise DgchatError(f"{target} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _refuse_target(target: Path, needed: int) -> None:
    if target.exists():
        raise UsageError(f"{target} exists already", hint="give a folder that does not")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}")
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise DgchatError(
            f"{target.parent} has {free:,} bytes free, the NVFP4 checkpoint needs {needed:,}",
            hint="free the difference, or give a folder on another disk",
        )


def _write_configuration(source: Path, target: Path) -> None:
    producer = {"name": "dgchat"}
    config = read_json(source, "config.json") | {
        "quantization_config": {
            "quant_method": "modelopt",
            "quant_algo": "NVFP4",
            "group_size": NVFP4_BLOCK,
            "ignore": _KEPT,
            "producer": producer,
        }
    }
    own = {
        "producer": producer,
        "quantization": {
            "quant_algo": "NVFP4",
            "kv_cache_quant_algo": None,
            "group_size": NVFP4_BLOCK,
            "exclude_modules": _KEPT,
        },
    }
    for name, content in (("config.json", config), (MODELOPT_FILE, own)):
        (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@dataclass(slots=True)
class _Quantising:
    """The shards of one checkpoint, on their way."""

    source: Path
    headers: Mapping[str, Header]
    on_progress: LoadListener | None
    done_bytes: int = 0
    total_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.total_bytes = sum(header.num_bytes for header in self.headers.values())

    def output_bytes(self) -> int:
        """Size of all shards to be written."""
        return sum(file_bytes(self._entries(file)) for file in self._files())

    def write_shards(self, target: Path) -> None:
        """Write every shard, under its old name, and an index if there is more than one."""
        weight_map: dict[str, str] = {}
        total_bytes = 0
        for file in self._files():
            entries = self._entries(file)
            weight_map |= dict.fromkeys(entries, file)
            total_bytes += sum(entry.num_bytes for entry in entries.values())
            with open_raw(self.source, file) as stream, SafetensorsWriter(target / file, entries) as writer:
                for name, header in self._of_file(file):
                    write = self._write_experts if are_experts(name) else self._copy
                    write(name, header, stream, writer)
        if len(self._files()) > 1:
            index = {"metadata": {"total_size": total_bytes}, "weight_map": weight_map}
            (target / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")

    def _files(self) -> list[str]:
        return sorted({header.file for header in self.headers.values()})

    def _of_file(self, file: str) -> Iterator[tuple[str, Header]]:
        return ((name, header) for name, header in self.headers.items() if header.file == file)

    def _entries(self, file: str) -> dict[str, Entry]:
        """What the new shard of this name is to hold."""
        entries: dict[str, Entry] = {}
        for name, header in self._of_file(file):
            if not are_experts(name):
                entries[name] = Entry(header.dtype, header.shape, header.num_bytes)
                continue
            for part, expected in experts_layout(_FORMAT, name, header.shape).items():
                dtype, shape = expected.dtypes[0], expected.shapes[0]
                entries[part] = Entry(dtype, shape, prod(shape) * TORCH_DTYPES[dtype].itemsize)
        return entries

    def _copy(self, name: str, header: Header, stream: FileIO, writer: SafetensorsWriter) -> None:
        for start in range(0, header.num_bytes, CHUNK_BYTES):
            chunk = torch.empty(min(CHUNK_BYTES, header.num_bytes - start), dtype=torch.uint8)
            read_into(stream, header.offset + start, chunk)
            writer.write(name, chunk, start)
            self._report(len(chunk))

    def _write_experts(self, name: str, header: Header, stream: FileIO, writer: SafetensorsWriter) -> None:
        count, rows, columns = header.shape
        module = name.rpartition(".")[0]
        weight = torch.empty(rows, columns, dtype=TORCH_DTYPES[header.dtype])
        for expert in range(count):
            read_into(stream, header.offset + expert * weight.nbytes, weight)
            for projection, block in projections(name, rows).items():
                packed = pack(weight[block])
                if not packed[-1].isfinite():
                    raise CheckpointError(f"{header.file}: tensor {name!r} holds a NaN or an infinity")
                for part, values in zip(NVFP4_NAMES[_FORMAT.dialect], packed, strict=True):
                    writer.write(f"{module}.{expert}.{projection}.{part}", values)
            self._report(weight.nbytes)

    def _report(self, num_bytes: int) -> None:
        self.done_bytes += num_bytes
        if self.on_progress is not None:
            self.on_progress(LoadProgress(self.done_bytes, self.total_bytes))
