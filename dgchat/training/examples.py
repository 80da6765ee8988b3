"""Conversations as training examples: a clean prefix, and one canvas of the answer that follows it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from dgchat.training.corpus.generate import Conversation, Turn, example_stream
from dgchat.training.tokenizer import token_id

BUCKET = 16
"""Batches that are drawn together and sorted by length, so that little is padded."""


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of everything before a canvas, and of the canvas."""

    prefix: list[int]
    canvas: list[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as tensors; prefixes are padded on the right."""

    prefix: Tensor
    """[batch, longest prefix]"""
    lengths: Tensor
    """[batch] tokens of each prefix"""
    canvas: Tensor
    """[batch, canvas]"""

    def to(self, device: torch.device) -> Batch:
        """The same batch there."""
        return Batch(self.prefix.to(device), self.lengths.to(device), self.canvas.to(device))


def prompt_text(conversation: Conversation) -> str:
    """The conversation up to its last answer, as the bundled chat template renders it."""
    text = "<bos>"
    if conversation.thinking or conversation.system:
        think = "<|think|>\n" if conversation.thinking else ""
        text += f"<|turn>system\n{think}{conversation.system or ''}<turn|>\n"
    for turn in conversation.turns[:-1]:
        text += f"<|turn>user\n{turn.user}<turn|>\n<|turn>model\n{turn.answer}<turn|>\n"
    return f"{text}<|turn>user\n{conversation.turns[-1].user}<turn|>\n<|turn>model\n"


def answer_text(turn: Turn) -> str:
    """What the model is to write: a thought in its channel, if there is one, and the answer."""
    return f"<|channel>thought\n{turn.thought}\n<channel|>{turn.answer}" if turn.thought else turn.answer


class ExampleMaker:
    """Turns conversations into examples with one tokenizer and canvas length."""

    def __init__(self, tokenizer: Tokenizer, canvas_length: int, max_prefix: int) -> None:
        self.tokenizer = tokenizer
        self.canvas_length = canvas_length
        self.max_prefix = max_prefix
        self.end_of_turn = token_id(tokenizer, "<turn|>")
        self.fill = token_id(tokenizer, "<eos>")

    def examples(self, conversations: list[Conversation], rng: random.Random) -> list[Example]:
        """One example per conversation that fits: a random canvas of its last answer."""
        prompts = self.tokenizer.encode_batch_fast([prompt_text(c) for c in conversations])
        answers = self.tokenizer.encode_batch_fast([answer_text(c.turns[-1]) for c in conversations])
        made = (self._example(p.ids, a.ids, rng) for p, a in zip(prompts, answers, strict=True))
        return [example for example in made if len(example.prefix) <= self.max_prefix]

    def _example(self, prompt: list[int], answer: list[int], rng: random.Random) -> Example:
        answer = [*answer, self.end_of_turn]
        start = self.canvas_length * rng.randrange(-(-len(answer) // self.canvas_length))
        canvas = answer[start : start + self.canvas_length]
        canvas += [self.fill] * (self.canvas_length - len(canvas))
        return Example(prompt + answer[:start], canvas)


def batches(maker: ExampleMaker, batch_size: int, seed: int) -> Iterator[Batch]:
    """Endless batches of `batch_size`, each of examples of similar length."""
    rng = random.Random(seed)
    stream = example_stream(seed)
    pool: list[Example] = []
    while True:
        while len(pool) < BUCKET * batch_size:
            pool += maker.examples(list(islice(stream, BUCKET * batch_size)), rng)
        bucket = sorted(pool[: BUCKET * batch_size], key=lambda example: len(example.prefix))
        pool = pool[BUCKET * batch_size :]
        groups = [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
        random.Random(len(groups)).shuffle(groups)  # the same order in every process keeps their loads alike
        yield from map(collate, groups)


def batches_by_workers(maker: ExampleMaker, batch_size: int, seed: int, processes: int) -> Iterator[Batch]:
    """`batches`, made ahead by several processes, each with examples of its own."""
    stream = _BatchStream(maker, batch_size, seed)
    return iter(DataLoader(stream, batch_size=None, num_workers=processes, prefetch_factor=8))


class _BatchStream(IterableDataset[Batch]):
    def __init__(self, maker: ExampleMaker, batch_size: int, seed: int) -> None:
        self._maker, self._batch_size, self._seed = maker, batch_size, seed

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        return batches(self._maker, self._batch_size, self._seed + (10_000 * worker.id if worker else 0))


def collate(examples: list[Example]) -> Batch:
    """Stack examples, padding prefixes with 0 on the right."""
    longest = max(len(example.prefix) for example in examples)
    return Batch(
        prefix=torch.tensor([example.prefix + [0] * (longest - len(example.prefix)) for example in examples]),
        lengths=torch.tensor([len(example.prefix) for example in examples]),
        canvas=torch.tensor([example.canvas for example in examples]),
    )
