"""The library face, on a tiny model."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Event

import pytest

import dgchat
from dgchat.answer import Answer, BatchError
from dgchat.api import DiffusionGemmaModel, load_engine
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import CanvasStep, ChatMessage, FinishReason, LoadProgress
from dgchat.errors import (
    CheckpointError,
    InsufficientMemoryError,
    LoadCancelled,
    NotDownloadedError,
    PromptError,
    UsageError,
)
from fake_hub import TINY, FakeHub
from scripted_engine import ScriptedEngine
from tiny import CANVAS, generation_json, load_tiny, write_checkpoint

STEPS = 4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> DiffusionGemmaModel:
    generation = generation_json(max_denoising_steps=STEPS, max_new_tokens=2 * CANVAS)
    return DiffusionGemmaModel(
        DiffusionEngine(load_tiny(tmp_path_factory.mktemp("m"), generation=generation))
    )


def picture(answer: Answer) -> list[bytes]:
    return [bytes(step.token_ids) for step in answer.trace]


def test_a_folder_is_loaded_by_name(tmp_path: Path):
    folder = write_checkpoint(tmp_path / "tiny")
    model = dgchat.DiffusionGemmaModel.from_pretrained(str(folder), device="cpu")
    assert model.info().model == "tiny"
    assert isinstance(model.generate("Hello", num_diffusion_steps=1, max_tokens=1), Answer)


def test_a_hub_id_is_downloaded_only_if_asked_to(hub: FakeHub):
    with pytest.raises(NotDownloadedError) as caught:
        DiffusionGemmaModel.from_pretrained(TINY, device="cpu")
    assert f"dgchat models pull {TINY}" in str(caught.value)
    assert "download=True" in str(caught.value)
    assert hub.requests == []
    model = DiffusionGemmaModel.from_pretrained(TINY, device="cpu", download=True)
    assert model.info().model == "tiny"
    assert len(hub.fetched()) == 7


def test_a_hub_id_that_is_here_costs_no_request_even_if_a_download_would_do(hub: FakeHub):
    DiffusionGemmaModel.from_pretrained(TINY, device="cpu", download=True)
    hub.requests.clear()
    DiffusionGemmaModel.from_pretrained(TINY, device="cpu", download=True)
    assert hub.requests == []


@pytest.mark.usefixtures("needs_bundled_model")
def test_without_a_name_the_library_takes_the_bundled_model_whatever_is_cached(
    monkeypatch: pytest.MonkeyPatch,
):
    def chosen(device: str) -> None:
        raise AssertionError("nobody should have to choose")

    monkeypatch.setattr("dgchat.engine.model_choice.this_machine", chosen)
    assert DiffusionGemmaModel.from_pretrained(device="cpu").info().choice == ""


def test_a_name_nobody_knows_is_a_checkpoint_error(tmp_path: Path):
    with pytest.raises(CheckpointError):
        DiffusionGemmaModel.from_pretrained(str(tmp_path / "nowhere"))


def test_an_unknown_device_is_named_with_the_known_ones(tmp_path: Path):
    with pytest.raises(UsageError, match="abacus") as caught:
        DiffusionGemmaModel.from_pretrained(str(write_checkpoint(tmp_path)), device="abacus")
    assert "cpu" in str(caught.value.hint)


def test_a_context_bounds_prompt_and_answer_together(tmp_path: Path):
    folder = write_checkpoint(tmp_path / "tiny")
    model = DiffusionGemmaModel.from_pretrained(str(folder), device="cpu", context=4 * CANVAS)
    assert model.info().context_length == 4 * CANVAS
    with pytest.raises(PromptError, match="tokens"):
        model.generate("Hello. " * 20)


def test_a_model_that_does_not_fit_is_refused_before_a_weight_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def read(*arguments: object) -> None:
        pytest.fail("a weight was read")

    monkeypatch.setattr("dgchat.engine.device.free_memory", lambda device: 50_000)
    monkeypatch.setattr("dgchat.checkpoint.weights.read_into", read)
    folder = write_checkpoint(tmp_path / "tiny")
    with pytest.raises(InsufficientMemoryError, match=r"^tiny needs .* MB for .* kB are free") as caught:
        DiffusionGemmaModel.from_pretrained(str(folder), device="cpu")
    assert caught.value.hint == "the bundled model fits: leave out --model"


def test_the_memory_that_a_model_takes_is_told_before_a_weight_is_read(tmp_path: Path):
    heard: list[object] = []
    folder = write_checkpoint(tmp_path / "tiny")
    load_engine(folder, "cpu", on_progress=heard.append, on_plan=heard.append)
    told, first = heard[:2]
    assert re.fullmatch(
        r"memory: \S+ MB for a context of 1,024 tokens: weights .*, cache .*, workspace .*; \S+ GB free",
        str(told),
    )
    assert isinstance(first, LoadProgress)


def test_loading_reports_its_bytes_and_stops_when_told(tmp_path: Path):
    folder = write_checkpoint(tmp_path / "tiny", shards=2)
    heard: list[LoadProgress] = []
    load_engine(folder, "cpu", on_progress=heard.append)
    assert heard[-1].done_bytes == heard[-1].total_bytes > 0
    cancelled = Event()
    cancelled.set()
    with pytest.raises(LoadCancelled):
        load_engine(folder, "cpu", cancelled=cancelled)


def test_an_answer_is_its_text_with_reason_stats_seed_and_trace(model: DiffusionGemmaModel):
    answer = model.generate("Hello", seed=7)
    assert str(answer) == answer.text
    assert answer.seed == 7
    assert isinstance(answer.reason, FinishReason)
    assert len(answer.trace) == answer.stats.denoising_steps > 0


def test_on_step_is_called_for_each_step_with_what_the_trace_keeps(model: DiffusionGemmaModel):
    seen: list[CanvasStep] = []
    answer = model.generate("Hello", seed=7, on_step=seen.append)
    assert seen == list(answer.trace)


def test_steps_and_tokens_default_to_the_checkpoints_own(model: DiffusionGemmaModel):
    answer = model.generate("Hello", seed=7)
    assert {step.max_steps for step in answer.trace} == {STEPS}
    assert answer.stats.generated_tokens <= 2 * CANVAS
    shorter = model.generate("Hello", seed=7, num_diffusion_steps=2, max_tokens=3)
    assert [step.step for step in shorter.trace] == [1, 2]
    assert shorter.stats.generated_tokens <= 3


def test_the_same_seed_gives_the_same_answer_and_an_answers_own_seed_repeats_it(model: DiffusionGemmaModel):
    fresh = model.generate("Hello")
    again = model.generate("Hello", seed=fresh.seed)
    assert again.text == fresh.text
    assert picture(again) == picture(fresh)


def test_answers_without_a_seed_differ(model: DiffusionGemmaModel):
    assert model.generate("Hello").seed != model.generate("Hello").seed


def test_a_list_of_prompts_is_a_batch_whose_row_i_has_the_seed_plus_i(model: DiffusionGemmaModel):
    answers = model.generate(["Hello", "What is the moon?", "A cat"], seed=7, batch_size=2)
    assert [picture(answer) for answer in answers] == [
        picture(model.generate("Hello", seed=7)),
        picture(model.generate("What is the moon?", seed=8)),
        picture(model.generate("A cat", seed=9)),
    ]
    assert [answer.seed for answer in answers] == [7, 8, 9]
    assert isinstance(model.generate(["Hello"], seed=7), list)


def test_every_row_may_have_a_seed_of_its_own(model: DiffusionGemmaModel):
    answers = model.generate(["Hello", "Hello"], seed=[3, 7])
    assert picture(answers[1]) == picture(model.generate("Hello", seed=7))
    fresh = model.generate(["Hello", "Hello"])
    assert fresh[0].seed != fresh[1].seed
    with pytest.raises(UsageError, match="1 seeds for 2 prompts"):
        model.generate(["Hello", "Hello"], seed=[3])
    with pytest.raises(UsageError, match="several seeds for one prompt"):
        model.generate("Hello", seed=[3])


def test_a_list_of_lists_of_messages_is_a_batch_of_conversations(model: DiffusionGemmaModel):
    talk = [ChatMessage("user", "Hello"), ChatMessage("assistant", "Hi."), ChatMessage("user", "Well?")]
    answers = model.generate([talk, "Hello", [{"role": "user", "content": "A cat"}]], seed=7)
    assert [picture(answer) for answer in answers] == [
        picture(model.generate(talk, seed=7)),
        picture(model.generate("Hello", seed=8)),
        picture(model.generate("A cat", seed=9)),
    ]


def test_of_a_batch_the_steps_of_every_row_are_told_with_its_index(model: DiffusionGemmaModel):
    told: list[tuple[int, CanvasStep]] = []
    answers = model.generate(["Hello", "A cat"], seed=1, on_step=lambda row, step: told.append((row, step)))
    for row, answer in enumerate(answers):
        assert [step for number, step in told if number == row] == list(answer.trace)
    assert {row for row, _ in told} == {0, 1}


def test_rows_that_cannot_be_answered_do_not_cost_the_others(model: DiffusionGemmaModel):
    with pytest.raises(BatchError, match="2 of 3 rows could not be answered, row 0: the prompt is") as caught:
        model.generate(["", "Hello", [{"role": "user"}]], seed=7)
    first, answer, last = caught.value.outcomes
    assert isinstance(first, PromptError)
    assert isinstance(last, UsageError)
    assert isinstance(answer, Answer)
    assert picture(answer) == picture(model.generate("Hello", seed=8))


def test_an_engine_without_batches_answers_a_list_in_turn():
    engine = ScriptedEngine(answer=None)
    answers = DiffusionGemmaModel(engine).generate(["a", "b"], seed=3)
    assert [request.seed for request in engine.requests] == [3, 4]
    assert [str(answer) for answer in answers] == [
        str(DiffusionGemmaModel(engine).generate("c", seed=seed)) for seed in (3, 4)
    ]


def test_messages_may_be_mappings_or_chat_messages(model: DiffusionGemmaModel):
    talk = [("user", "Hello"), ("assistant", "Hi."), ("user", "How are you?")]
    mapped = model.generate([{"role": role, "content": text} for role, text in talk], seed=7)
    typed = model.generate([ChatMessage(role, text) for role, text in talk], seed=7)
    assert picture(mapped) == picture(typed)
    assert mapped.stats.prompt_tokens > model.generate("How are you?", seed=7).stats.prompt_tokens


def test_a_system_text_comes_first(model: DiffusionGemmaModel):
    messages = [ChatMessage("system", "Be brief."), ChatMessage("user", "Hello")]
    given = model.generate("Hello", system="Be brief.", seed=7)
    assert picture(given) == picture(model.generate(messages, seed=7))
    assert given.stats.prompt_tokens > model.generate("Hello", seed=7).stats.prompt_tokens


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user"},
        {"content": "x"},
        {},
        "text among messages",
        None,
        3,
        {"role": "user", "content": ["x"]},
    ],
    ids=str,
)
def test_a_bad_message_is_shown_with_what_a_message_is(model: DiffusionGemmaModel, message: object):
    with pytest.raises(UsageError, match="is no message") as caught:
        model.generate([{"role": "user", "content": "Hello"}, message])
    assert "content" in str(caught.value.hint)


@pytest.mark.parametrize("prompt", ["", " ", [], [{"role": "assistant", "content": "x"}]], ids=repr)
def test_a_prompt_that_asks_nothing_is_refused(model: DiffusionGemmaModel, prompt: str):
    with pytest.raises(PromptError):
        model.generate(prompt)


@pytest.mark.parametrize(
    "options", [{"num_diffusion_steps": 0}, {"max_tokens": 0}, {"thinking": True}], ids=str
)
def test_options_that_make_no_sense_are_refused(model: DiffusionGemmaModel, options: dict[str, int]):
    with pytest.raises(UsageError):
        model.generate("Hello", **options)


def test_text_that_is_no_unicode_is_refused_in_words(model: DiffusionGemmaModel):
    with pytest.raises(PromptError, match="half a character"):
        model.generate("half a \ud800 character")
