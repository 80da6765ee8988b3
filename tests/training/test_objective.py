"""The objective: the same model as the engine's, honest noise, and a loss that falls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch

from dgchat.checkpoint import open_checkpoint
from dgchat.errors import DgchatError
from dgchat.training import examples, objective, trainer
from dgchat.training.corpus.conversation import Conversation, Turn
from dgchat.training.examples import Batch, Example, ExampleMaker, batches, collate
from dgchat.training.export import export
from dgchat.training.objective import FILL_WEIGHT, batch_losses, corrupt, noise_levels
from dgchat.training.padded_prefix import PaddedPrefix
from dgchat.training.trainer import Trainer, TrainingConfig, train
from tiny import CANVAS, EOS, config_json, model_config, new_cache, random_model, tokenizer_json, write_json

RUN = TrainingConfig(steps=20, batch_size=8, max_prefix=100, processes=1, save_every=10, precision="fp32")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ragged() -> Batch:
    """Rows shorter and longer than the sliding window of 6."""
    return collate([Example(list(range(20, 20 + n)), list(range(100, 108))) for n in (1, 4, 5, 6, 7, 15)])


@pytest.mark.parametrize("told", [False, True], ids=["first step", "self-conditioned"])
def test_each_row_of_a_padded_batch_is_what_the_engine_computes_for_it_alone(told: bool):
    model, batch = random_model(), ragged()
    soft = torch.randn(*batch.canvas.shape, 32, generator=generator()) if told else None
    prefix = PaddedPrefix(model.config, batch.lengths)
    everywhere = torch.ones_like(batch.prefix, dtype=torch.bool)
    successors = model.next_token_logits(batch.prefix, prefix, everywhere).view(*batch.prefix.shape, -1)
    together = model.decode(batch.canvas, prefix, soft)
    for row, length in enumerate(batch.lengths.tolist()):
        own = batch.prefix[row : row + 1, :length]
        cache = new_cache(model.config)
        expected = model.next_token_logits(own, cache, torch.ones_like(own, dtype=torch.bool))
        cache.commit(own[0].tolist())
        alone = model.decode(batch.canvas[row : row + 1], cache, soft[row : row + 1] if told else None)
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(successors[row, :length], expected, rtol=1e-4, atol=1e-5)


def test_some_rows_of_a_prefix_are_those_rows():
    model, batch = random_model(), ragged()
    prefix = PaddedPrefix(model.config, batch.lengths)
    model.encode(batch.prefix, prefix)
    chosen = torch.tensor([4, 1])
    part = model.decode(batch.canvas[chosen], prefix.rows(chosen), None)
    torch.testing.assert_close(part, model.decode(batch.canvas, prefix, None)[chosen])


def test_noise_levels_favour_much_noise_and_some_rows_are_all_noise():
    levels = noise_levels(4000, generator())
    assert 0.02 <= levels.min() < 0.04
    assert levels.max() == 1
    assert (levels == 1).float().mean().item() == pytest.approx(objective.ALL_NOISE_SHARE, abs=0.03)
    assert levels[levels < 1].mean().item() == pytest.approx(0.02 + 0.98 * 2 / 3, abs=0.02)
    assert (levels < 0.51).float().mean().item() == pytest.approx(
        0.25 * (1 - objective.ALL_NOISE_SHARE), abs=0.03
    )


def test_corrupt_replaces_each_row_at_its_level_by_uniform_tokens(monkeypatch: pytest.MonkeyPatch):
    levels = torch.tensor([0.0, 0.02, 0.5, 1.0])
    monkeypatch.setattr(objective, "noise_levels", lambda batch, generator: levels)
    clean = torch.full((4, 20_000), 1000)
    noisy = corrupt(clean, 10, generator())
    torch.testing.assert_close((noisy != clean).float().mean(1), levels, rtol=0, atol=0.02)
    counts = torch.bincount(noisy[3], minlength=10).double()
    assert len(counts) == 10
    assert ((counts - 2000) ** 2 / 2000).sum() < 27.88  # p = 0.001 with 9 degrees of freedom


def test_corrupt_leaves_the_clean_canvas_as_it_is():
    clean = ragged().canvas
    before = clean.clone()
    corrupt(clean, 480, generator())
    assert torch.equal(clean, before)


def test_the_fill_after_an_answer_weighs_less_than_text():
    canvas = torch.tensor([[7, 8, EOS, EOS]])
    torch.testing.assert_close(
        objective._weights(canvas, EOS), torch.tensor([[1.0, 1.0, FILL_WEIGHT, FILL_WEIGHT]])
    )


def test_both_losses_reach_every_parameter():
    model, batch = random_model().requires_grad_(True), ragged()
    batch_losses(model, batch, EOS, generator()).total.backward()
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert idle == []


TALK = (
    Turn("Hello!", "I am well, thank you."),
    Turn("How are you?", "Well."),
    Turn("Paris?", "The capital."),
)


def short_talk(seed: int) -> Iterator[Conversation]:
    """The corpus's stream, without the seconds it takes to read the corpus."""
    rng = Random(seed)
    while True:
        yield Conversation(tuple(rng.sample(TALK, rng.choice((1, 2)))), "small_talk")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny run: tokenizer and configuration."""
    monkeypatch.setattr(examples, "example_stream", short_talk)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "tokenizer.json").write_text(tokenizer_json(), encoding="utf-8")
    write_json(folder / "config.json", config_json() | {"max_prompt_tokens": 100})
    return folder


def few_batches(maker: ExampleMaker, batch_size: int, seed: int) -> Iterator[Batch]:
    """The first batches only, as if the run was stopped after them."""
    for _, batch in zip(range(10), batches(maker, batch_size, seed), strict=False):
        yield batch


def weights(trained: Trainer) -> dict[str, torch.Tensor]:
    return trained.model.state_dict()


def test_a_tiny_run_lowers_the_loss_and_resumes_where_it_was_stopped(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trainer, "WARMUP_STEPS", 5)
    untrained = Trainer(RUN, config_json(), run, rank=0)
    batch = next(batches(untrained.maker, 32, seed=99))

    def loss(of: Trainer) -> float:
        with torch.no_grad():
            return batch_losses(of.model, batch, untrained.maker.fill, generator()).denoising.item()

    monkeypatch.setattr(trainer, "batches", few_batches)
    train(RUN, config_json(), run)
    halfway = Trainer(RUN, config_json(), run, rank=0)
    assert halfway.step == 10
    assert loss(halfway) < loss(untrained) - 0.3
    momenta = [state["velocity"] for state in halfway.optimizers[0].state.values()]
    assert momenta
    assert all(velocity.any() for velocity in momenta)

    monkeypatch.setattr(trainer, "batches", batches)
    train(RUN, config_json(), run)
    finished = Trainer(RUN, config_json(), run, rank=0)
    assert finished.step == 20
    assert loss(finished) < loss(halfway)

    assert export(run, tmp_path / "exported") == 20
    loaded = open_checkpoint(tmp_path / "exported").load()
    exported = loaded.model.state_dict()
    assert all(torch.equal(exported[n], w.bfloat16().float()) for n, w in weights(finished).items())
    assert loaded.generation.max_prompt_tokens == 100


def test_products_in_bf16_lower_the_loss_too(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trainer, "WARMUP_STEPS", 5)
    narrow = replace(RUN, precision="bf16")
    untrained = Trainer(narrow, config_json(), run, rank=0)
    batch = next(batches(untrained.maker, 32, seed=99))
    train(narrow, config_json(), run)
    trained = Trainer(narrow, config_json(), run, rank=0)
    assert all(value.dtype == torch.float32 for value in weights(trained).values())
    with torch.no_grad():
        before, after = (
            batch_losses(each.model, batch, untrained.maker.fill, generator()).denoising.item()
            for each in (untrained, trained)
        )
    assert after < before - 0.3


def test_a_finished_run_is_left_as_it_is(run: Path):
    short = TrainingConfig(steps=1, batch_size=2, max_prefix=100, processes=1)
    train(short, config_json(), run)
    before = weights(Trainer(short, config_json(), run, rank=0))
    train(short, config_json(), run)
    after = weights(Trainer(short, config_json(), run, rank=0))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_finished_run_can_be_made_longer_with_longer_prompts(run: Path):
    train(TrainingConfig(steps=1, batch_size=2, max_prefix=100, processes=1), config_json(), run)
    longer = TrainingConfig(steps=2, batch_size=2, max_prefix=120, processes=1)
    train(longer, config_json(), run)
    assert Trainer(longer, config_json(), run, rank=0).step == 2


def test_a_run_is_not_resumed_with_other_settings(run: Path):
    train(TrainingConfig(steps=1, batch_size=2, max_prefix=100, processes=1), config_json(), run)
    with pytest.raises(DgchatError, match="other settings"):
        Trainer(RUN, config_json(), run, rank=0)


def test_examples_end_with_the_end_of_turn_and_are_filled(run: Path):
    maker = Trainer(RUN, config_json(), run, rank=0).maker
    batch = next(batches(maker, 8, seed=1))
    assert batch.canvas.shape == (8, CANVAS)
    assert batch.prefix.shape == (8, int(batch.lengths.max()))
    assert batch.lengths.max() <= RUN.max_prefix
    filled = batch.canvas == maker.fill
    ends = (batch.canvas == maker.end_of_turn).sum(1)
    assert ((ends == 1) >= filled.any(1)).all()
    assert all(len(row) == model_config().canvas_length for row in batch.canvas)
