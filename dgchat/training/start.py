"""Begin a run with the weights of an earlier one, also when the tokenizer has changed."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from dgchat.checkpoint.tensors import tensor_name
from dgchat.model.transformer import DiffusionGemma

EMBEDDING = "embed_tokens.weight"


def load_weights(model: DiffusionGemma, tokenizer: Tokenizer, folder: Path) -> None:
    """Copy the weights of a checkpoint of the same shape, which may have another tokenizer than the model."""
    known = load_file(folder / "model.safetensors")
    weights = {name: known[tensor_name(name)].float() for name in model.state_dict()}
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
