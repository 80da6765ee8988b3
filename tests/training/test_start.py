"""A run can begin with the weights of an earlier one, also when the tokenizer has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from dgchat.checkpoint.tensors import tensor_name
from dgchat.model.transformer import DiffusionGemma
from dgchat.training.padded_prefix import PaddedPrefix
from dgchat.training.start import EMBEDDING, load_weights, translated
from dgchat.training.tokenizer import train_tokenizer
from dgchat.training.trainer import initialise
from dgchat_kernels import select
from tiny import SENTENCES, model_config, random_model, tensors, tokenizer_json, write_checkpoint


def test_the_same_tokenizer_gives_the_same_weights(tmp_path: Path):
    folder = write_checkpoint(tmp_path / "earlier")
    model = DiffusionGemma(model_config(), select(torch.device("cpu"))[0])
    load_weights(model, Tokenizer.from_str(tokenizer_json()), folder)
    earlier = tensors()
    assert all(torch.equal(value, earlier[tensor_name(name)]) for name, value in model.state_dict().items())


def test_a_new_token_begins_as_the_mean_of_its_pieces():
    earlier = Tokenizer.from_str(tokenizer_json())
    longer = train_tokenizer([*SENTENCES, *[" zebrafish"] * 50], vocab_size=500)
    rows = random_model().state_dict()[EMBEDDING]
    new = translated(rows, earlier, longer)
    assert new.shape == (longer.get_vocab_size(), rows.shape[1])
    pieces = earlier.encode(" zebrafish").ids
    assert len(pieces) > 1
    [token] = longer.encode(" zebrafish").ids
    torch.testing.assert_close(new[token], rows[pieces].mean(dim=0))
    kept = earlier.encode(" moon").ids + earlier.encode("<|turn>").ids
    assert torch.equal(new[[longer.token_to_id(earlier.id_to_token(i)) for i in kept]], rows[kept])


def test_a_wider_model_computes_what_the_narrower_did(tmp_path: Path):
    folder = write_checkpoint(tmp_path / "earlier")
    narrow, tokenizer = random_model(), Tokenizer.from_str(tokenizer_json())
    config = model_config()
    wide = DiffusionGemma(
        replace(
            config,
            intermediate_size=2 * config.intermediate_size,
            moe_intermediate_size=3 * config.moe_intermediate_size,
        ),
        select(torch.device("cpu"))[0],
    )
    initialise(wide, seed=1)
    load_weights(narrow, tokenizer, folder)
    load_weights(wide, tokenizer, folder)
    torch.testing.assert_close(_logits(wide), _logits(narrow))


@torch.no_grad()
def _logits(model: DiffusionGemma) -> torch.Tensor:
    config = model.config
    prefix = PaddedPrefix(config, torch.tensor([3]))
    model.encode(torch.tensor([[5, 6, 7]]), prefix)
    told = torch.ones(1, config.canvas_length, config.hidden_size)
    return model.decode(torch.arange(config.canvas_length).unsqueeze(0), prefix, told)
