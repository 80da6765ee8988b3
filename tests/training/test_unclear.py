"""Unclear sentences hold pieces of questions, never a whole one."""

from __future__ import annotations

from random import Random

from dgchat.training.corpus.entries import load_entries, normalised
from dgchat.training.corpus.generate import example_stream
from dgchat.training.corpus.unclear import ANSWER_ID, unclear_turn
from dgchat.training.evaluation.questions import all_questions


def test_all_lead_to_the_fallback_that_asks_for_other_words():
    answer = next(entry.answer for entry in load_entries() if entry.id == ANSWER_ID)
    rng = Random(1)
    assert {unclear_turn(rng).answer for _ in range(100)} == {answer}


def test_none_that_is_generated_is_a_phrasing_of_an_entry():
    claimed = {normalised(ask) for entry in load_entries() for ask in (*entry.ask, *entry.unseen)}
    stream = example_stream(3)
    unclear = [c for c in (next(stream) for _ in range(4000)) if c.family == "unclear"]
    assert len(unclear) > 100
    assert not claimed & {normalised(c.turns[-1].user) for c in unclear}


def test_they_are_so_many_that_the_tested_ones_are_new():
    rng = Random(2)
    trained = {unclear_turn(rng).user for _ in range(5000)}
    assert len(trained) > 4900
    tested = {q.messages[-1].text for q in all_questions()["unclear sentences, as good as never seen"]}
    assert len(tested & trained) < 3
