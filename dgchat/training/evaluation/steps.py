"""What the number of denoising steps costs and brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dgchat.engine.events import ChatMessage
from dgchat.training.evaluation.questions import Question

STEP_LIMITS = (4, 8, 12, 16, 24, 48)
QUESTIONS = 300
"""Asked at each of them."""

SayWithin = Callable[[list[ChatMessage], int, int], str]
"""Answers a dialog for a seed within a number of denoising steps per canvas."""


@dataclass(frozen=True, slots=True)
class StepsScore:
    """How many of the same questions are answered rightly within a number of steps per canvas."""

    steps: int
    right: int
    total: int


def score_step_limits(say: SayWithin, questions: list[Question]) -> tuple[StepsScore, ...]:
    """The score of each step limit on the same questions."""
    return tuple(_score(say, questions, steps) for steps in STEP_LIMITS)


def _score(say: SayWithin, questions: list[Question], steps: int) -> StepsScore:
    answers = (say(list(question.messages), seed, steps).strip() for seed, question in enumerate(questions))
    right = sum(answer == question.expected for answer, question in zip(answers, questions, strict=True))
    return StepsScore(steps, right, len(questions))
