"""The longer measurements: whole chats, step limits, and the same weights one token at a time."""

from __future__ import annotations

from pathlib import Path

import torch

from dgchat.engine.events import ChatMessage
from dgchat.training.evaluation.autoregressive import write_autoregressively
from dgchat.training.evaluation.chats import LONG_CHAT_TURNS, score_long_chats, score_sampled_chats
from dgchat.training.evaluation.questions import Question
from dgchat.training.evaluation.steps import STEP_LIMITS, score_step_limits
from tiny import load_tiny, new_cache

HELLO = [ChatMessage("user", "Hello! How are you?")]


def test_sampled_chats_count_what_is_no_language():
    assert score_sampled_chats(lambda messages, seed: "Hello.", 8).flaws == ()
    spoiled = score_sampled_chats(lambda messages, seed: "Hello glorp." if seed % 2 else "Hello.", 8)
    assert (spoiled.total, len(spoiled.flaws), spoiled.percent_garbled) == (8, 4, 50.0)


def test_long_chats_go_on_from_the_models_own_words_and_judge_the_late_turns():
    lengths: list[int] = []

    def say(messages: list[ChatMessage], seed: int) -> str:
        lengths.append(len(messages))
        assert all(message.text == "Hello glorp." for message in messages if message.role == "assistant")
        return "Hello glorp."

    score = score_long_chats(say, 2)
    assert lengths == [2 * turn + 1 for turn in range(LONG_CHAT_TURNS)] * 2
    assert (score.total, len(score.flaws)) == (20, 20)


def test_each_step_limit_is_scored_on_the_same_questions():
    questions = [Question("family", (ChatMessage("user", str(n)),), str(n)) for n in range(5)]
    scores = score_step_limits(
        lambda messages, seed, steps: messages[0].text if steps >= 12 else "", questions
    )
    assert [score.steps for score in scores] == list(STEP_LIMITS)
    assert [score.right for score in scores] == [5 if score.steps >= 12 else 0 for score in scores]


def test_token_by_token_each_is_the_likeliest_after_all_before_it(tmp_path: Path):
    loaded = load_tiny(tmp_path)
    text = write_autoregressively(loaded, HELLO, limit=6)
    ids = loaded.tokenizer.encode(
        loaded.template.render(HELLO, thinking=False), loaded.tokenizer.guard([])[1]
    )
    answer: list[int] = []
    with torch.inference_mode():
        for _ in range(6):
            row = torch.tensor([ids + answer])
            where = torch.zeros_like(row, dtype=torch.bool)
            where[0, -1] = True
            logits = loaded.model.next_token_logits(row, new_cache(loaded.model.config), where)
            answer.append(int(logits.argmax()))
    ended = [token in loaded.tokenizer.end_ids for token in answer]
    answer = answer[: ended.index(True)] if any(ended) else answer
    assert text == loaded.tokenizer.decode(answer).strip()
