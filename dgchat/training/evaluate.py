"""The bundled model's test: exact answers by family, stories, and what strangers type first."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol, TypeVar

from dgchat.engine.events import ChatMessage, GenerationStats
from dgchat.training.corpus.held_out import first_sentences
from dgchat.training.evaluation.chats import Say, score_long_chats, score_sampled_chats
from dgchat.training.evaluation.first_sentences import judged
from dgchat.training.evaluation.garble import garbled, split_words
from dgchat.training.evaluation.questions import Question, StoryRequest, all_questions, story_requests
from dgchat.training.evaluation.report import Depth, Mistake, Report, Score, StoryScore
from dgchat.training.evaluation.steps import QUESTIONS, SayWithin, StepsScore, score_step_limits

_Item = TypeVar("_Item")


class AnswerLike(Protocol):
    """What the evaluation needs of an answer."""

    @property
    def text(self) -> str: ...

    @property
    def stats(self) -> GenerationStats: ...


Answerer = Callable[[list[ChatMessage], int], AnswerLike]
"""Answers a dialog that ends with the user's turn; the number seeds the answer."""


class _Steps:
    """Denoising steps and canvases so far."""

    def __init__(self) -> None:
        self.steps = 0
        self.canvases = 0

    def add(self, stats: GenerationStats) -> None:
        self.steps += stats.denoising_steps
        self.canvases += stats.canvases

    def per_canvas(self) -> float:
        return self.steps / self.canvases if self.canvases else 0.0


def evaluate(answer: Answerer, limit: int | None = None) -> Report:
    """Ask everything, at most `limit` questions per family, and judge the answers."""
    overall = _Steps()
    scores: list[Score] = []
    mistakes: list[Mistake] = []
    for family, questions in all_questions().items():
        score, wrong = _ask_family(answer, family, _some(questions, limit), overall)
        scores.append(score)
        mistakes += wrong
    stories = _ask_stories(answer, story_requests()[:limit], overall)
    outcomes = []
    for seed, sentence in enumerate(_some(list(first_sentences()), limit)):
        reply = answer([ChatMessage("user", sentence)], seed)
        overall.add(reply.stats)
        outcomes.append(judged(sentence, reply.text))
    return Report(tuple(scores), stories, tuple(outcomes), tuple(mistakes), overall.per_canvas())


def evaluate_depth(say: SayWithin, say_by_tokens: Say, max_steps: int) -> Depth:
    """Whole chats, other step limits, and the same weights one token at a time."""

    def at_full_length(messages: list[ChatMessage], seed: int) -> str:
        return say(messages, seed, max_steps)

    questions = [question for family in all_questions().values() for question in family]
    chosen = Random(0).sample(questions, QUESTIONS)
    one_by_one = [say_by_tokens(list(question.messages), 0) == question.expected for question in chosen]
    return Depth(
        sampled_chats=score_sampled_chats(at_full_length),
        long_chats=score_long_chats(at_full_length),
        step_limits=score_step_limits(say, chosen),
        autoregressive=StepsScore(1, sum(one_by_one), len(chosen)),
    )


def _some(items: list[_Item], limit: int | None) -> list[_Item]:
    return items if limit is None or len(items) <= limit else Random(0).sample(items, limit)


def _ask_family(
    answer: Answerer, family: str, questions: list[Question], overall: _Steps
) -> tuple[Score, list[Mistake]]:
    steps, wrong = _Steps(), []
    for seed, question in enumerate(questions):
        reply = answer(list(question.messages), seed)
        steps.add(reply.stats)
        overall.add(reply.stats)
        if reply.text.strip() != question.expected:
            wrong.append(Mistake(family, question.messages[-1].text, question.expected, reply.text))
    return Score(family, len(questions) - len(wrong), len(questions), steps.per_canvas()), wrong


def _ask_stories(answer: Answerer, requests: list[StoryRequest], overall: _Steps) -> StoryScore:
    steps, flaws, told = _Steps(), [], []
    for seed, request in enumerate(requests):
        reply = answer([ChatMessage("user", request.ask)], seed)
        steps.add(reply.stats)
        overall.add(reply.stats)
        told.append((request, reply.text))
        if flaw := garbled(reply.text, request.ask):
            flaws.append(f"{request.ask} -> {flaw}: {reply.text}")
    wished = [(request, text) for request, text in told if request.wish.named()]
    kept = sum(keeps_wish(request, text) for request, text in wished)
    samples = tuple((request.ask, text) for request, text in told[:: max(1, len(told) // 5)][:5])
    return StoryScore(len(told), len(flaws), len(wished), kept, steps.per_canvas(), tuple(flaws), samples)


def keeps_wish(request: StoryRequest, story: str) -> bool:
    """Whether the story has everything that was wished for: hero, name, topic."""
    said = " ".join(split_words(story))
    return all(f" {' '.join(split_words(part))} " in f" {said} " for part in request.wish.named())
