"""Whole conversations in float64 with the same draws: every decision equals the reference's."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

import pytest
import torch

from dgchat.chat.thought import split_thought
from dgchat.engine.events import FinishReason
from dgchat.engine.kv_cache import KVCache
from parity.conversation import Conversation


@pytest.fixture
def conversation(conversation_of: Callable[[str], Conversation], subject: str) -> Conversation:
    return conversation_of(subject)


@torch.inference_mode()
def test_both_sides_compute_in_float64_throughout(conversation: Conversation) -> None:
    model, prompt = conversation.checkpoint.model, conversation.turns[0].prompt_ids
    canvas = torch.arange(conversation.canvas_length).unsqueeze(0)
    cache = KVCache(model.config, torch.device("cpu"), torch.float64)
    model.encode(torch.tensor([prompt]), cache)
    cache.commit(prompt)
    reference_cache = conversation.oracle.encode(prompt)
    previous = conversation.oracle.decode(reference_cache, canvas, None)
    reference = conversation.oracle.decode(reference_cache, canvas, previous)
    ours = model.decode(canvas, cache, model.soft_embedding(previous))
    assert ours.dtype == reference.dtype == torch.float64
    assert float((ours - reference).norm() / reference.norm()) < 1e-12


def test_every_step_has_the_reference_argmax_canvas_and_the_same_number_of_steps(
    conversation: Conversation,
) -> None:
    for turn in conversation.turns:
        ours = [[step.argmax_canvas for step in canvas.steps] for canvas in turn.steps]
        reference = [[step.argmax_canvas for step in canvas.steps] for canvas in turn.reference.canvases]
        assert ours == reference


def test_every_step_accepts_what_the_reference_accepts(conversation: Conversation) -> None:
    for turn in conversation.turns:
        ours = [[step.accepted for step in canvas.steps] for canvas in turn.steps]
        reference = [[step.accepted for step in canvas.steps] for canvas in turn.reference.canvases]
        assert ours == reference


def test_answers_are_the_reference_answers_cut_at_end_of_turn_and_limit(conversation: Conversation) -> None:
    for turn in conversation.turns:
        expected = conversation.expected_answer(turn)
        thought, text = split_thought(expected, conversation.checkpoint.tokenizer)
        assert (turn.finished.thought, turn.finished.text) == (thought, text)
        assert turn.finished.stats.generated_tokens == len(expected)


def test_an_answer_ends_with_its_turn_or_at_its_limit(conversation: Conversation) -> None:
    for turn in conversation.turns:
        end = conversation.end_of(turn)
        has_ended = end is not None and end <= conversation.max_new_tokens
        assert turn.finished.reason is (FinishReason.END_OF_TURN if has_ended else FinishReason.LENGTH)


def test_all_canvases_but_the_last_are_cached_and_never_padding(conversation: Conversation) -> None:
    for turn in conversation.turns:
        committed = conversation.canvas_length * (len(turn.reference.canvases) - 1)
        assert turn.committed_ids == list(turn.reference.new_ids[:committed])


def test_the_cache_holds_the_prompt_and_nothing_else_when_denoising_begins(
    conversation: Conversation,
) -> None:
    for turn in conversation.turns:
        assert turn.encoded_ids == turn.prompt_ids


def test_a_turn_reuses_what_is_cached_and_rolls_back_the_rest(
    conversation: Conversation,
) -> None:
    first, second, third = conversation.turns
    assert first.cached_tokens == 0
    for before, after in ((first, second), (second, third)):
        cached_ids = before.prompt_ids + before.committed_ids
        pairs = zip(cached_ids, after.prompt_ids, strict=False)
        assert after.cached_tokens == sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) > 0
        assert after.rolled_back_tokens == len(cached_ids) - after.cached_tokens
    assert third.rolled_back_tokens > 0
