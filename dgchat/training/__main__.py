"""`python -m dgchat.training`: train, export and evaluate the bundled model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Annotated

import typer

from dgchat.api import Answer, DiffusionGemmaModel
from dgchat.checkpoint import find_checkpoint, open_checkpoint
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import ChatMessage
from dgchat.paths import bundled_model
from dgchat.training.card import write_card
from dgchat.training.corpus.generate import example_stream
from dgchat.training.corpus.slots import words
from dgchat.training.corpus.stories import templates
from dgchat.training.evaluate import evaluate as evaluate_answers
from dgchat.training.evaluate import evaluate_depth
from dgchat.training.evaluation.autoregressive import write_autoregressively
from dgchat.training.export import export as export_run
from dgchat.training.shape import Edition, model_json
from dgchat.training.tokenizer import token_id, train_tokenizer
from dgchat.training.trainer import TrainingConfig
from dgchat.training.trainer import train as train_model

TOKENIZER_CONVERSATIONS = 60_000
"""Conversations whose text the tokenizer is trained on."""
WHOLE_WORDS: dict[str, int] = dict.fromkeys(
    ("names", "heroes", "friends", "friend_names", "story_names", "moods", "looks"), 600
)
WHOLE_WORDS |= dict.fromkeys(("colors", "pets", "foods", "letters", "sortable"), 300)
"""How many times more the tokenizer's text holds each word of these lists."""
STORY_CHOICES = 600
"""How many times more it holds each choice of a story."""
MAX_PROMPT_TOKENS = 192
"""The longest prompt the model is said to take; earlier canvases of an answer come on top."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


class Precision(StrEnum):
    """Number format of the matrix products of a training step."""

    BF16 = "bf16"
    FP32 = "fp32"


Run = Annotated[Path, typer.Argument(help="Folder of the run: tokenizer, configuration, log and checkpoint.")]


@app.command()
def train(  # noqa: PLR0913, PLR0917 - Typer spells each flag as a parameter
    run: Run,
    steps: Annotated[int, typer.Option(help="Optimizer steps of the whole run.")] = 8200,
    batch_size: Annotated[int, typer.Option(help="Examples per step.")] = 64,
    processes: Annotated[int, typer.Option(help="Processes of one thread each.")] = 2,
    seed: Annotated[int, typer.Option(help="Of weights, examples and noise.")] = 1,
    save_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 100,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint folder whose weights a new run begins with.")
    ] = None,
    rate_scale: Annotated[float, typer.Option(help="Scale of the learning rates.")] = 1.0,
    precision: Annotated[
        Precision, typer.Option(help="Of matrix products; bf16 is slow on processors that lack it.")
    ] = Precision.BF16,
    device: Annotated[
        str, typer.Option(help="cpu or cuda; on a GPU one process trains, and the passes are compiled.")
    ] = "cpu",
    edition: Annotated[Edition, typer.Option(help="Size of a new run's model.")] = Edition.CPU,
) -> None:
    """Train a new run, or go on where the run's checkpoint left off."""
    begin = None if start_from is None else str(start_from)
    config = TrainingConfig(
        steps,
        batch_size,
        processes=processes if device == "cpu" else 1,
        seed=seed,
        save_every=save_every,
        start_from=begin,
        rate_scale=rate_scale,
        precision=precision.value,
        device=device,
        compiles=device != "cpu",
    )
    _prepare(run, edition)
    train_model(config, json.loads((run / "config.json").read_text(encoding="utf-8")), run)


@app.command()
def export(
    run: Run,
    folder: Annotated[
        Path | None, typer.Argument(help="Checkpoint folder; the bundled model's by default.")
    ] = None,
) -> None:
    """Write the run's newest weights as a checkpoint folder."""
    folder = folder or bundled_model()
    step = export_run(run, folder)
    typer.echo(f"{folder}: weights of step {step}")


@app.command()
def evaluate(
    model: Annotated[
        str | None, typer.Option(help="Checkpoint folder; the bundled model by default.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Most questions of each family.")] = None,
    pairs: Annotated[bool, typer.Option(help="Also print how each first sentence was answered.")] = False,
    mistakes: Annotated[bool, typer.Option(help="Also print every wrong answer.")] = False,
    depth: Annotated[bool, typer.Option(help="Also measure chats, step limits, single tokens.")] = False,
    card: Annotated[
        bool, typer.Option(help="Write the model card into the checkpoint folder; measures --depth too.")
    ] = False,
) -> None:
    """Measure a checkpoint on everything it was never trained on and print the model card's table."""
    checkpoint = open_checkpoint(find_checkpoint(model)).load()
    loaded = DiffusionGemmaModel(DiffusionEngine(checkpoint))

    def answer(messages: list[ChatMessage], seed: int) -> Answer:
        return loaded.generate(messages, seed=seed)

    def say(messages: list[ChatMessage], seed: int, steps: int) -> str:
        return loaded.generate(messages, seed=seed, num_diffusion_steps=steps).text

    def say_by_tokens(messages: list[ChatMessage], _seed: int) -> str:
        return write_autoregressively(checkpoint, messages, checkpoint.generation.max_new_tokens)

    report = evaluate_answers(answer, limit)
    if depth or card:
        most = checkpoint.generation.sampler.max_denoising_steps
        report = replace(report, depth=evaluate_depth(say, say_by_tokens, most))
    typer.echo(report.as_markdown())
    if pairs:
        typer.echo(report.first_sentence_pairs())
    if mistakes:
        typer.echo(
            "\n".join(f"{m.family}: {m.ask!r} -> {m.answer!r}, not {m.expected!r}" for m in report.mistakes)
        )
        typer.echo("\n".join(report.stories.flaws))
    if card:
        typer.echo(write_card(find_checkpoint(model), loaded.info().parameters, report))


def _prepare(run: Path, edition: Edition) -> None:
    """Train the tokenizer and write the model's configuration, unless an earlier start has."""
    if (run / "config.json").exists():
        return
    run.mkdir(parents=True, exist_ok=True)
    conversations = islice(example_stream(5), TOKENIZER_CONVERSATIONS)
    texts = (text for c in conversations for turn in c.turns for text in (turn.user, turn.answer))
    tokenizer = train_tokenizer(chain(texts, _whole_words()))
    tokenizer.save(str(run / "tokenizer.json"))
    config = model_json(
        edition, tokenizer.get_vocab_size(), token_id(tokenizer, "<turn|>"), MAX_PROMPT_TOKENS
    )
    (run / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _whole_words() -> Iterator[str]:
    """Names and other words that answers repeat, often enough to become single tokens: one token is copied
    more surely than four.
    """
    for name in WHOLE_WORDS:
        for word in words(name):
            yield from repeat(f" {word}", WHOLE_WORDS[name])
    choices = (
        option for template in templates() for options in template.choices.values() for option in options
    )
    for word in choices:
        yield from repeat(f" {word}", STORY_CHOICES)


if __name__ == "__main__":
    app()
