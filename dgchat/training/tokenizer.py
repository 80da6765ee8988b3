"""The bundled model's tokenizer: byte-level BPE, whole numbers up to 100, the real model's specials."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from dgchat.errors import DgchatError

SPECIAL_TOKENS = (
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    "<|turn>",
    "<turn|>",
    "<|channel>",
    "<channel|>",
    "<|think|>",
    "<|tool_response>",
)
"""Spelled as in DiffusionGemma; the position is the id."""

_WORDS = "|".join(
    (
        r"\n",
        r"'(?:s|t|re|ve|m|ll|d)\b",
        r" ?\p{L}+",
        r" ?(?:100(?!\p{N})|\p{N}{1,2})",
        r" ?[^\s\p{L}\p{N}]+",
        r"[^\S\n]+(?!\S)",
        r"[^\S\n]",
    )
)
"""A word keeps its leading space; digits go in pairs; a line break stands alone."""

_SPACE = "\u0120"
"""The byte-level alphabet's letter for a space."""


def train_tokenizer(texts: Iterable[str], vocab_size: int = 4096) -> Tokenizer:
    """A tokenizer of `vocab_size` tokens, if `texts` yield enough merges; 0..100 are single tokens."""
    number_merges = _number_merges()
    tokenizer = _untrained(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(number_merges),
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((_without_digits(text) for text in texts), trainer=trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    vocabulary: dict[str, int] = dict(learnt["vocab"])
    merges = [(pair[0], pair[1]) for pair in learnt["merges"]] + number_merges
    for left, right in number_merges:
        vocabulary[left + right] = len(vocabulary)
    finished = _untrained(models.BPE(vocab=vocabulary, merges=merges))
    finished.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]
    )
    return finished


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Id of a token that the tokenizer must have."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise DgchatError(f"the tokenizer has no {token}")
    return number


def _untrained(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _number_merges() -> list[tuple[str, str]]:
    """Merges that make 0..100 single tokens, bare and after a space; spaces first, so that they win."""
    pairs = [(tens, ones) for tens in "123456789" for ones in "0123456789"]
    spaced = [(_SPACE, digit) for digit in "0123456789"]
    spaced += [(_SPACE + tens, ones) for tens, ones in pairs]
    return [*spaced, *pairs, (_SPACE + "10", "0"), ("10", "0")]


def _without_digits(text: str) -> str:
    return "".join(" " if letter.isdigit() else letter for letter in text)
