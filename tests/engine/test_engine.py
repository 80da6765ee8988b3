"""The engine: one request after another, with a cache that nobody can tell is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

import pytest

from dgchat.checkpoint import LoadedCheckpoint
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    ChatMessage,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
    Prefilled,
    Prefilling,
    SamplerConfig,
    StopReason,
)
from dgchat.engine.kv_cache import KVCache
from dgchat.errors import PromptError, UsageError
from tiny import CANVAS, CONTEXT, END_OF_TURN, PAD, load_tiny, with_speaker

HELLO = ChatMessage("user", "Hello! How are you?")
STEPS = 4
REQUEST = GenerationRequest((HELLO,), 20, SamplerConfig(max_denoising_steps=STEPS), seed=3)
SAID = (range(100, 108), range(200, 208), range(300, 308))


class Recorder:
    """Keeps all events, and does something at one of them."""

    def __init__(
        self, when: Callable[[Event], bool] = lambda event: False, do: Callable[[], None] = lambda: None
    ):
        self.events: list[Event] = []
        self.when, self.do = when, do

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self.when(event):
            self.do()

    @property
    def steps(self) -> list[CanvasStep]:
        return [event for event in self.events if isinstance(event, CanvasStep)]

    @property
    def prefilled(self) -> Prefilled:
        return next(event for event in self.events if isinstance(event, Prefilled))

    def picture(self) -> list[tuple[object, ...]]:
        """All that a step shows but its time."""
        return [
            (s.canvas_index, s.step, bytes(s.token_ids), s.entropy_levels, s.accepted) for s in self.steps
        ]


def run(engine: DiffusionEngine, request: GenerationRequest = REQUEST) -> tuple[Finished, Recorder]:
    recorder = Recorder()
    return engine.generate(request, recorder, Flag()), recorder


def at_step(canvas_index: int, step: int) -> Callable[[Event], bool]:
    return lambda e: isinstance(e, CanvasStep) and (e.canvas_index, e.step) == (canvas_index, step)


def prompt_length(loaded: LoadedCheckpoint) -> int:
    return run(DiffusionEngine(loaded))[1].prefilled.prompt_tokens


def test_the_same_seed_gives_the_same_bytes(loaded: LoadedCheckpoint):
    one, first = run(DiffusionEngine(loaded))
    other, second = run(DiffusionEngine(loaded))
    assert first.picture() == second.picture()
    assert (one.text, one.reason) == (other.text, other.reason)


def test_another_seed_goes_another_way(loaded: LoadedCheckpoint):
    _, first = run(DiffusionEngine(loaded))
    _, second = run(DiffusionEngine(loaded), replace(REQUEST, seed=4))
    assert first.picture() != second.picture()


def test_recording_alternatives_changes_not_a_byte_of_the_answer(loaded: LoadedCheckpoint):
    plain, without = run(DiffusionEngine(loaded))
    recorded, with_them = run(DiffusionEngine(loaded), replace(REQUEST, record_alternatives=True))
    assert with_them.picture() == without.picture()
    assert (recorded.text, recorded.reason) == (plain.text, plain.reason)
    assert all(step.alternatives is None for step in without.steps)


def test_the_first_alternative_is_the_token_of_the_argmax_canvas(loaded: LoadedCheckpoint):
    _, recorder = run(DiffusionEngine(loaded), replace(REQUEST, record_alternatives=True))
    for step in recorder.steps:
        assert step.alternatives is not None
        for position, token_id in enumerate(step.token_ids):
            alternatives = step.alternatives.at(position)
            assert alternatives[0].token_id == token_id
            assert alternatives[0].piece == step.pieces[position]
            chances = [alternative.probability for alternative in alternatives]
            assert chances == sorted(chances, reverse=True)
            assert 0 < sum(chances) <= 1.00001


def test_asked_again_it_answers_the_same_from_a_cache_that_holds_the_whole_prompt(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    _, first = run(engine)
    _, again = run(engine)
    assert first.prefilled.cached_tokens == 0
    assert again.prefilled.cached_tokens == again.prefilled.prompt_tokens
    assert again.picture() == first.picture()


def test_a_second_turn_on_a_used_cache_equals_one_on_a_fresh_engine(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    answer, _ = run(engine)
    messages = (HELLO, ChatMessage("assistant", answer.text), ChatMessage("user", "What is the moon?"))
    _, second = run(engine, replace(REQUEST, messages=messages))
    _, fresh = run(DiffusionEngine(loaded), replace(REQUEST, messages=messages))
    assert second.prefilled.cached_tokens > prompt_length(loaded) - 2
    assert fresh.prefilled.cached_tokens == 0
    # the same rows in other batches differ in the last bits, which the quantised levels may show
    assert [list(s.token_ids) for s in second.steps] == [list(s.token_ids) for s in fresh.steps]


def test_another_conversation_shares_nothing_but_the_opening(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    run(engine)
    request = replace(REQUEST, messages=(ChatMessage("user", "A cat"),))
    _, other = run(engine, request)
    assert 0 < other.prefilled.cached_tokens < other.prefilled.prompt_tokens
    assert [list(s.token_ids) for s in other.steps] == [
        list(s.token_ids) for s in run(DiffusionEngine(loaded), request)[1].steps
    ]


def test_a_cancel_in_the_middle_of_a_canvas_keeps_the_draft(loaded: LoadedCheckpoint):
    stop = Flag()
    recorder = Recorder(at_step(1, 2), stop.set)
    answer = DiffusionEngine(loaded).generate(REQUEST, recorder, stop)
    drafts = [list(recorder.steps[STEPS - 1].token_ids), list(recorder.steps[-1].token_ids)]
    assert answer.reason is FinishReason.CANCELLED
    assert len(recorder.steps) == STEPS + 2
    assert answer.text == loaded.tokenizer.decode(drafts[0] + drafts[1]).strip()
    assert answer.stats.generated_tokens == 2 * CANVAS
    last = recorder.events[-1]
    assert isinstance(last, CanvasCommitted)
    assert (last.stop_reason, last.steps_used) == (StopReason.CANCELLED, 2)


@pytest.mark.parametrize("step", [(0, 1), (0, STEPS), (1, 2)])
def test_after_a_cancel_the_next_identical_request_gives_the_same_answer(
    loaded: LoadedCheckpoint, step: tuple[int, int]
):
    engine, stop = DiffusionEngine(loaded), Flag()
    engine.generate(REQUEST, Recorder(at_step(*step), stop.set), stop)
    again, recorder = run(engine)
    fresh, expected = run(DiffusionEngine(loaded))
    assert again.text == fresh.text
    assert recorder.picture() == expected.picture()


def test_a_cancel_before_anything_happens_answers_nothing(loaded: LoadedCheckpoint):
    engine, stop = DiffusionEngine(loaded), Flag()
    stop.set()
    recorder = Recorder()
    answer = engine.generate(REQUEST, recorder, stop)
    assert (answer.text, answer.reason) == ("", FinishReason.CANCELLED)
    assert recorder.steps == []
    assert answer.stats.denoising_steps == 0
    assert engine.cache.length == 0


def test_a_listener_that_raises_leaves_the_engine_fit_for_the_next_request(loaded: LoadedCheckpoint):
    def fail() -> None:
        raise ZeroDivisionError

    engine = DiffusionEngine(loaded)
    with pytest.raises(ZeroDivisionError):
        engine.generate(REQUEST, Recorder(at_step(1, 1), fail), Flag())
    assert run(engine)[1].picture() == run(DiffusionEngine(loaded))[1].picture()


def test_an_answer_ends_at_its_first_end_of_turn_and_nothing_after_it_is_kept(loaded: LoadedCheckpoint):
    ending = [300, 301, END_OF_TURN, PAD, 302, END_OF_TURN, PAD, PAD]
    engine = DiffusionEngine(with_speaker(loaded, SAID[0], ending))
    answer, recorder = run(engine, replace(REQUEST, max_new_tokens=100))
    assert answer.reason is FinishReason.END_OF_TURN
    assert answer.text == loaded.tokenizer.decode([*SAID[0], 300, 301]).strip()
    assert answer.stats.generated_tokens == CANVAS + 2
    assert answer.stats.canvases == 2
    assert [step.end for step in recorder.steps if step.canvas_index == 1] == [2, 2]
    assert engine.cache.token_ids[prompt_length(loaded) :] == list(SAID[0])
    assert PAD not in engine.cache.token_ids


def test_the_turn_after_a_padded_canvas_is_that_of_a_fresh_engine(loaded: LoadedCheckpoint):
    speaker = with_speaker(loaded, SAID[0], [300, END_OF_TURN, *[PAD] * 6])
    engine = DiffusionEngine(speaker)
    answer, _ = run(engine)
    messages = (HELLO, ChatMessage("assistant", answer.text), HELLO)
    request = replace(REQUEST, messages=messages)
    run(engine, request)
    fresh = DiffusionEngine(with_speaker(loaded, *speaker.model.canvases))
    run(fresh, request)
    assert engine.cache.token_ids == fresh.cache.token_ids
    assert PAD not in engine.cache.token_ids


@pytest.mark.parametrize(("limit", "canvases"), [(1, 1), (8, 1), (9, 2), (20, 3)])
def test_an_answer_is_cut_at_max_new_tokens(loaded: LoadedCheckpoint, limit: int, canvases: int):
    engine = DiffusionEngine(with_speaker(loaded, *SAID))
    answer, recorder = run(engine, replace(REQUEST, max_new_tokens=limit))
    said = [token for canvas in SAID for token in canvas]
    assert answer.reason is FinishReason.LENGTH
    assert answer.text == loaded.tokenizer.decode(said[:limit]).strip()
    assert answer.stats.generated_tokens == limit
    assert answer.stats.canvases == canvases
    assert {event.max_canvases for event in recorder.events if isinstance(event, CanvasStarted)} == {canvases}
    assert engine.cache.token_ids[prompt_length(loaded) :] == said[: CANVAS * (canvases - 1)]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [(2, FinishReason.LENGTH), (3, FinishReason.END_OF_TURN), (4, FinishReason.END_OF_TURN)],
)
def test_an_end_of_turn_counts_up_to_the_limit_and_not_beyond_it(
    loaded: LoadedCheckpoint, limit: int, reason: FinishReason
):
    engine = DiffusionEngine(with_speaker(loaded, [300, 301, 302, END_OF_TURN, *[PAD] * 4]))
    assert run(engine, replace(REQUEST, max_new_tokens=limit))[0].reason is reason


def test_a_certain_canvas_stops_as_soon_as_it_is_stable(loaded: LoadedCheckpoint):
    answer, recorder = run(DiffusionEngine(with_speaker(loaded, *SAID)))
    committed = [event for event in recorder.events if isinstance(event, CanvasCommitted)]
    assert [(c.steps_used, c.stop_reason) for c in committed] == [(2, StopReason.STABLE)] * 3
    assert answer.stats.denoising_steps == 6


def test_an_unsure_canvas_takes_every_step(loaded: LoadedCheckpoint):
    answer, recorder = run(DiffusionEngine(loaded), replace(REQUEST, max_new_tokens=CANVAS))
    assert [step.step for step in recorder.steps] == [1, 2, 3, 4]
    assert {step.max_steps for step in recorder.steps} == {STEPS}
    assert [s.temperature for s in recorder.steps] == pytest.approx([0.8, 0.7, 0.6, 0.5])
    assert isinstance(recorder.events[-1], CanvasCommitted)
    assert recorder.events[-1].stop_reason is StopReason.MAX_STEPS
    assert answer.stats.denoising_steps == STEPS


def test_events_come_in_order_and_a_step_describes_every_position(loaded: LoadedCheckpoint):
    _, recorder = run(DiffusionEngine(loaded), replace(REQUEST, max_new_tokens=CANVAS))
    kinds = [type(event) for event in recorder.events]
    assert kinds == [Prefilled, CanvasStarted, *[CanvasStep] * STEPS, CanvasCommitted]
    for step in recorder.steps:
        sizes = {len(step.token_ids), len(step.pieces), len(step.entropy_levels), len(step.accepted)}
        assert sizes == {CANVAS}
        assert step.pieces == tuple(map(loaded.tokenizer.piece, step.token_ids))
        assert set(step.accepted) == {0, 1}


def test_a_prompt_of_several_chunks_is_counted_while_it_is_read(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(loaded)
    engine.cache = KVCache(loaded.model.config, loaded.device, loaded.dtype, max_chunk=5)
    told = []
    for seed in (3, 4):  # of the second prompt next to nothing is left to read
        _, recorder = run(engine, replace(REQUEST, seed=seed, max_new_tokens=CANVAS))
        told.append([event for event in recorder.events if isinstance(event, Prefilling)])
        assert recorder.events[len(told[-1])] is recorder.prefilled
    total = prompt_length(loaded)
    assert told == [[Prefilling(done, total) for done in range(0, total, 5)], []]


def test_a_thought_is_told_from_the_answer_and_counted_with_it(loaded: LoadedCheckpoint):
    opening, closing = (loaded.tokenizer.special_id(mark) for mark in ("<|channel>", "<channel|>"))
    canvas = [opening, 300, closing, 301, END_OF_TURN, PAD, PAD, PAD]
    answer, _ = run(DiffusionEngine(with_speaker(loaded, canvas)))
    assert answer.thought == loaded.tokenizer.decode([300]).strip()
    assert answer.text == loaded.tokenizer.decode([301]).strip()
    assert answer.stats.generated_tokens == 4


def test_turns_that_do_not_fit_are_counted_in_the_event(tmp_path: Path):
    engine = DiffusionEngine(load_tiny(tmp_path, limits={"max_turns": 2}))
    messages = (HELLO, ChatMessage("assistant", "x"), HELLO, ChatMessage("assistant", "y"), HELLO)
    _, recorder = run(engine, replace(REQUEST, messages=messages, max_new_tokens=1))
    assert recorder.prefilled.dropped_turns == 1


def test_prompt_and_answer_never_pass_the_context(loaded: LoadedCheckpoint):
    engine = DiffusionEngine(with_speaker(loaded, *SAID))
    long = ChatMessage("user", "moon " * ((CONTEXT - CANVAS - prompt_length(loaded)) // 4))
    answer, recorder = run(engine, replace(REQUEST, messages=(long,), max_new_tokens=CONTEXT))
    assert recorder.prefilled.prompt_tokens + answer.stats.generated_tokens <= CONTEXT


def test_a_message_that_leaves_no_room_for_a_canvas_is_refused(loaded: LoadedCheckpoint):
    with pytest.raises(PromptError, match=f"room for {CONTEXT - CANVAS}"):
        run(DiffusionEngine(loaded), replace(REQUEST, messages=(ChatMessage("user", "moon " * CONTEXT),)))


def test_an_answer_near_the_end_of_the_context_ends_with_its_last_whole_canvas(loaded: LoadedCheckpoint):
    long = ChatMessage("user", "moon " * ((CONTEXT - 2 * CANVAS - prompt_length(loaded)) // 4))
    answer, recorder = run(
        DiffusionEngine(loaded), replace(REQUEST, messages=(long,), max_new_tokens=CONTEXT)
    )
    started = [event for event in recorder.events if isinstance(event, CanvasStarted)]
    assert answer.reason is FinishReason.LENGTH
    assert recorder.prefilled.prompt_tokens + len(started) * CANVAS <= CONTEXT


def test_an_answer_that_goes_on_keeps_its_leading_space(loaded: LoadedCheckpoint):
    said = [*loaded.tokenizer.encode(" b", "\ue000"), END_OF_TURN]
    canvas = [*said, *[PAD] * (CANVAS - len(said))]
    engine = DiffusionEngine(with_speaker(loaded, canvas))
    asked = (ChatMessage("user", "moon"),)
    assert run(engine, replace(REQUEST, messages=asked))[0].text == "b"
    going_on = (*asked, ChatMessage("assistant", "a"))
    assert run(engine, replace(REQUEST, messages=going_on))[0].text == " b"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"seed": -1}, "seed is -1, not a whole number from 0"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"max_new_tokens": 2**63}, "max_new_tokens is"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"sampler": SamplerConfig(max_denoising_steps=0)}, "max_denoising_steps is 0"),
        ({"thinking": True}, "no thought channel"),
    ],
)
def test_what_cannot_be_done_is_said(loaded: LoadedCheckpoint, change: dict[str, object], complaint: str):
    with pytest.raises(UsageError, match=complaint):
        run(DiffusionEngine(loaded), replace(REQUEST, **change))


def test_the_engine_says_what_is_loaded(loaded: LoadedCheckpoint):
    info = DiffusionEngine(loaded).info()
    assert (info.model, info.device, info.dtype) == (loaded.name, "cpu", "float32")
    assert (info.canvas_length, info.context_length, info.max_new_tokens) == (CANVAS, CONTEXT, 16)
    assert info.sampler == loaded.generation.sampler
    assert info.parameters == sum(p.numel() for p in loaded.model.parameters())
    assert not info.can_think
