"""What the library gives back: an answer, or those of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event as Flag

from dgchat.engine.events import (
    CanvasStep,
    Engine,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
)
from dgchat.engine.in_turn import generate_all
from dgchat.engine.trace import Trace
from dgchat.errors import DgchatError

StepListener = Callable[[CanvasStep], None]
RowStepListener = Callable[[int, CanvasStep], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer; `str(answer)` is its text."""

    text: str
    thought: str
    reason: FinishReason
    stats: GenerationStats
    seed: int
    trace: Trace
    """Every denoising step."""

    @classmethod
    def of(cls, finished: Finished, seed: int, trace: Trace) -> Answer:
        """What the engine has answered."""
        return cls(finished.text, finished.thought, finished.reason, finished.stats, seed, trace)

    def __str__(self) -> str:
        return self.text


class BatchError(DgchatError):
    """Some rows of a batch could not be answered."""

    def __init__(self, outcomes: Sequence[Answer | DgchatError]) -> None:
        failed = [(row, one) for row, one in enumerate(outcomes) if isinstance(one, DgchatError)]
        row, error = failed[0]
        super().__init__(
            f"{len(failed)} of {len(outcomes)} rows could not be answered, row {row}: {error.message}",
            hint=error.hint,
        )
        self.outcomes = tuple(outcomes)
        """For each row its answer or its error."""


def answer_one(engine: Engine, request: GenerationRequest, on_step: StepListener | None) -> Answer:
    """The answer to one request; DgchatError if there is none."""
    trace = Trace()

    def listen(event: Event) -> None:
        trace.record(event)
        if on_step is not None and isinstance(event, CanvasStep):
            on_step(event)

    return Answer.of(engine.generate(request, listen, Flag()), request.seed, trace)


def answer_batch(
    engine: Engine,
    requests: Sequence[GenerationRequest | DgchatError],
    size: int,
    on_step: RowStepListener | None,
) -> list[Answer]:
    """The answers in the order of the requests, up to `size` of them made together; BatchError if one of them
    is an error or becomes one.
    """
    outcomes: dict[int, Answer | DgchatError] = {}
    asked: dict[int, GenerationRequest] = {}
    for row, request in enumerate(requests):
        if isinstance(request, DgchatError):
            outcomes[row] = request
        else:
            asked[row] = request
    rows, traces = list(asked), {row: Trace() for row in asked}

    def listen(number: int, event: Event) -> None:
        row = rows[number]
        traces[row].record(event)
        if on_step is not None and isinstance(event, CanvasStep):
            on_step(row, event)

    def keep(number: int, outcome: Finished | DgchatError) -> None:
        row = rows[number]
        is_error = isinstance(outcome, DgchatError)
        outcomes[row] = outcome if is_error else Answer.of(outcome, asked[row].seed, traces[row])

    generate_all(engine, asked.values(), size, listen, keep, Flag())
    in_order = [outcomes[row] for row in range(len(requests))]
    answers = [one for one in in_order if isinstance(one, Answer)]
    if len(answers) < len(in_order):
        raise BatchError(in_order)
    return answers
