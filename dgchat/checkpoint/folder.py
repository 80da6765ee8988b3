"""A checkpoint folder: everything about it is checked before a single weight is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from dgchat.chat.template import ChatTemplate
from dgchat.chat.tokenizer import ChatTokenizer
from dgchat.checkpoint.files import read_json, read_text
from dgchat.checkpoint.find import checkpoint_name
from dgchat.checkpoint.formats.layout import packed_modules
from dgchat.checkpoint.generation import GenerationDefaults
from dgchat.checkpoint.stored import StoredWeights, open_weights
from dgchat.checkpoint.tensors import expected_tensors
from dgchat.checkpoint.weights import WeightReader
from dgchat.engine.events import CancelSignal, LoadListener
from dgchat.errors import CheckpointError
from dgchat.model.config import ModelConfig
from dgchat.model.quantised import Scheme, pack_modules
from dgchat.model.transformer import DiffusionGemma
from dgchat_kernels import select


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
    """Data type of the computation, and of all weights that are not packed."""
    quantisation: Scheme | Literal["none"]
    """How the packed weights are stored."""
    ops_reason: str

    @property
    def num_weights(self) -> int:
        """Weights of the text model, packed or not; layer scalars are none."""
        shapes = expected_tensors(self.model.config).items()
        return sum(math.prod(shape) for name, shape in shapes if not name.endswith("layer_scalar"))


@dataclass(frozen=True, slots=True)
class Checkpoint(StoredWeights):
    """A folder in order: weights, and all else that a chat needs."""

    generation: GenerationDefaults
    tokenizer: ChatTokenizer
    template: ChatTemplate

    def load(
        self,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        on_progress: LoadListener | None = None,
        cancelled: CancelSignal | None = None,
    ) -> LoadedCheckpoint:
        """Stream the weights to `device`, as `dtype` or else its `compute_dtype`; CheckpointError names
        the file and tensor that holds a NaN or an infinity.

        Quantised weights stay packed, and are dequantised to that data type as they are used. `on_progress`
        is called as bytes arrive; LoadCancelled, and nothing kept, once `cancelled` is set.
        """
        target = torch.device(device)
        dtype = dtype or self.compute_dtype(target.type)
        ops, reason = select(target, dtype)
        with torch.device("meta"):
            model = DiffusionGemma(self.config, ops)
            if self.quantisation != "none":
                pack_modules(model, packed_modules(self.layout), self.quantisation, ops)
        shapes = {name: value.shape for name, value in model.state_dict().items()}
        reader = WeightReader(self.folder, self.layout, self.headers, on_progress, cancelled)
        model.load_state_dict(reader.read(shapes, target, dtype), strict=True, assign=True)
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
            quantisation=self.quantisation,
            ops_reason=reason,
        )


def open_checkpoint(folder: Path) -> Checkpoint:
    """Check a folder, but for the weights themselves; CheckpointError names the file and tensor at fault."""
    weights = open_weights(folder)
    config_json = read_json(folder, "config.json")
    has_generation = (folder / "generation_config.json").exists()
    generation_json = read_json(folder, "generation_config.json") if has_generation else {}
    generation = GenerationDefaults.from_json(generation_json, config_json)
    tokenizer = _tokenizer(folder, weights.config, generation)
    template = ChatTemplate(read_text(folder, "chat_template.jinja"))
    return Checkpoint(
        weights.folder,
        weights.config,
        weights.layout,
        weights.headers,
        weights.quantisation,
        generation,
        tokenizer,
        template,
    )


def _tokenizer(folder: Path, config: ModelConfig, generation: GenerationDefaults) -> ChatTokenizer:
    tokenizer = ChatTokenizer.from_json(read_text(folder, "tokenizer.json"), generation.end_ids)
    if tokenizer.size > config.vocab_size:
        raise CheckpointError(
            f"tokenizer.json has {tokenizer.size} tokens, config.json a vocab_size of {config.vocab_size}"
        )
    return tokenizer
