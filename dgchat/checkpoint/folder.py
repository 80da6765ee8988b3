"""A checkpoint folder: everything about it is checked before a single weight is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from dgchat.chat.template import ChatTemplate
from dgchat.chat.tokenizer import ChatTokenizer
from dgchat.checkpoint.files import INDEX, SINGLE, inside, read_json, read_text, weight_files
from dgchat.checkpoint.find import checkpoint_name
from dgchat.checkpoint.generation import GenerationDefaults
from dgchat.checkpoint.tensors import Shape, expected_tensors, is_skipped, parameter_name
from dgchat.errors import CheckpointError
from dgchat.model.config import ModelConfig
from dgchat.model.transformer import DiffusionGemma
from dgchat_kernels import select

_DTYPES = {"BF16": torch.bfloat16, "F32": torch.float32}


@dataclass(frozen=True, slots=True)
class LoadedCheckpoint:
    """A model in memory with all that is needed to chat with it."""

    name: str
    model: DiffusionGemma
    tokenizer: ChatTokenizer
    template: ChatTemplate
    generation: GenerationDefaults
    device: torch.device
    dtype: torch.dtype
    ops_reason: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder in order: its configuration, tokenizer, template and tensor headers."""

    folder: Path
    config: ModelConfig
    generation: GenerationDefaults
    tokenizer: ChatTokenizer
    template: ChatTemplate
    tensors: dict[str, str]
    """File of each tensor that is needed."""
    dtype: torch.dtype
    """Data type of most weights in the files."""

    def load(self, device: str = "cpu", dtype: torch.dtype | None = None) -> LoadedCheckpoint:
        """Read the weights to `device`, as `dtype` or else as stored (on a CPU always fp32, which is faster
        there); CheckpointError names the file and tensor that holds a NaN or an infinity.
        """
        target = torch.device(device)
        dtype = dtype or (torch.float32 if target.type == "cpu" else self.dtype)
        ops, reason = select(target)
        with torch.device("meta"):
            model = DiffusionGemma(self.config, ops)
        model.load_state_dict(self._state(target, dtype), strict=True, assign=True)
        model.place_frequencies(target)
        model.requires_grad_(False).eval()
        return LoadedCheckpoint(
            name=checkpoint_name(self.folder),
            model=model,
            tokenizer=self.tokenizer,
            template=self.template,
            generation=self.generation,
            device=target,
            dtype=dtype,
            ops_reason=reason,
        )

    def _state(self, device: torch.device, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        state: dict[str, torch.Tensor] = {}
        for file in sorted(set(self.tensors.values())):
            with safe_open(inside(self.folder, file), framework="pt", device=str(device)) as tensors:
                for name in (name for name, home in self.tensors.items() if home == file):
                    value = tensors.get_tensor(name).to(dtype)
                    if not _is_finite(value):
                        raise CheckpointError(f"{file}: tensor {name!r} holds a NaN or an infinity")
                    state[parameter_name(name)] = value
        return state


def open_checkpoint(folder: Path) -> Checkpoint:
    """Check a folder, but for the weights themselves; CheckpointError names the file and tensor at fault."""
    if not folder.is_dir():
        raise CheckpointError(f"there is no checkpoint folder {folder}")
    config_json = read_json(folder, "config.json")
    _refuse_foreign(config_json)
    config = ModelConfig.from_json(config_json)
    has_generation = (folder / "generation_config.json").exists()
    generation_json = read_json(folder, "generation_config.json") if has_generation else {}
    generation = GenerationDefaults.from_json(generation_json, config_json)
    tokenizer = _tokenizer(folder, config, generation)
    template = ChatTemplate(read_text(folder, "chat_template.jinja"))
    found = _headers(folder)
    files = _check(config, found, INDEX if (folder / INDEX).exists() else SINGLE)
    kinds = [found[name].dtype for name in files]
    dtype = _DTYPES[max(set(kinds), key=kinds.count)]
    return Checkpoint(folder, config, generation, tokenizer, template, files, dtype)


@dataclass(frozen=True, slots=True)
class _Header:
    file: str
    dtype: str
    shape: Shape


def _refuse_foreign(config: dict[str, Any]) -> None:
    quantised = config.get("quantization_config")
    if quantised is not None:
        method = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        raise CheckpointError(
            f"config.json: {method} quantisation is not read yet", hint="bf16 and fp32 checkpoints are"
        )


def _tokenizer(folder: Path, config: ModelConfig, generation: GenerationDefaults) -> ChatTokenizer:
    tokenizer = ChatTokenizer.from_json(read_text(folder, "tokenizer.json"), generation.end_ids)
    if tokenizer.size > config.vocab_size:
        raise CheckpointError(
            f"tokenizer.json has {tokenizer.size} tokens, config.json a vocab_size of {config.vocab_size}"
        )
    return tokenizer


def _headers(folder: Path) -> dict[str, _Header]:
    files, weight_map = weight_files(folder)
    headers: dict[str, _Header] = {}
    for file in files:
        path = inside(folder, file)
        try:
            with safe_open(path, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118  not a dict
                    if name in headers:
                        raise CheckpointError(f"{name!r} is in both {headers[name].file} and {file}")
                    part = tensors.get_slice(name)
                    headers[name] = _Header(file, part.get_dtype(), tuple(part.get_shape()))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is not a whole safetensors file: {error}") from error
    for name, file in (weight_map or {}).items():
        if name not in headers or headers[name].file != file:
            raise CheckpointError(f"{file}: {name!r}, which the index puts there, is missing")
    return headers


def _check(config: ModelConfig, found: dict[str, _Header], table: str) -> dict[str, str]:
    """Files of the tensors that are needed; an error for a missing, unknown, misshapen or mistyped one.

    `table` is the file that should tell of every tensor: the index, or the only safetensors file.
    """
    expected = expected_tensors(config)
    for name, header in found.items():
        if name not in expected and not is_skipped(name):
            raise CheckpointError(f"{header.file}: tensor {name!r} is not part of this architecture")
    for name, shape in expected.items():
        header = found.get(name)
        if header is None:
            raise CheckpointError(f"{table}: tensor {name!r} is missing")
        if header.shape != shape:
            raise CheckpointError(
                f"{header.file}: tensor {name!r} has shape {list(header.shape)}, "
                f"config.json asks for {list(shape)}"
            )
        if header.dtype not in _DTYPES:
            raise CheckpointError(f"{header.file}: tensor {name!r} is {header.dtype}; bf16 and fp32 are read")
    return {name: found[name].file for name in expected}


def _is_finite(tensor: torch.Tensor) -> bool:
    low, high = torch.aminmax(tensor)  # a NaN is both; unlike isfinite, no copies as large as the tensor
    return bool(low.isfinite() & high.isfinite())
