"""Begin a run with the weights of an earlier one, also with another tokenizer or a wider model."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from dgchat.checkpoint.tensors import tensor_name
from dgchat.model.transformer import DiffusionGemma

EMBEDDING = "embed_tokens.weight"


def load_weights(model: DiffusionGemma, tokenizer: Tokenizer, folder: Path) -> None:
    """Copy the weights of a checkpoint, which may have another tokenizer and narrower MLPs than the model."""
    known = load_file(folder / "model.safetensors")
    weights = {
        name: known[tensor_name(name)].float()
        if name == EMBEDDING
        else widened(name, known[tensor_name(name)].float(), fresh)
        for name, fresh in model.state_dict().items()
    }
    earlier = Tokenizer.from_file(str(folder / "tokenizer.json"))
    weights[EMBEDDING] = translated(weights[EMBEDDING], earlier, tokenizer)
    model.load_state_dict(weights)


def translated(embedding: Tensor, earlier: Tokenizer, tokenizer: Tokenizer) -> Tensor:
    """Rows for the tokens of `tokenizer`, [tokens, hidden]: those of `earlier` where it has the same token,
    the mean of the pieces it has instead for the others.
    """
    rows = []
    for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        same = earlier.token_to_id(token)
        pieces = [same] if same is not None else earlier.encode(tokenizer.decoder.decode([token])).ids
        rows.append(embedding[pieces].mean(dim=0))
    return torch.stack(rows)


def widened(name: str, known: Tensor, fresh: Tensor) -> Tensor:
    """`known` inside a tensor of the shape of `fresh`, so that the model computes what it did: new units
    of an MLP keep their random weights on the way in and have none on the way out.
    """
    if known.shape == fresh.shape:
        return known
    if "down_proj" in name:
        return functional.pad(known, (0, fresh.shape[-1] - known.shape[-1]))
    halves = 2 if "gate_up_proj" in name else 1
    parts = zip(known.chunk(halves, dim=-2), fresh.chunk(halves, dim=-2), strict=True)
    return torch.cat([part for old, new in parts for part in (old, new[..., old.shape[-2] :, :])], dim=-2)
