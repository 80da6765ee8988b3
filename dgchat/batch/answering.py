"""The work behind a batch: ask the engine row by row, keep every answer as a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event as Flag

from dgchat.api import fresh_seed
from dgchat.batch.answer_file import AnswerFile, AnswerStream
from dgchat.batch.progress import BatchCounts
from dgchat.batch.row import BatchRow
from dgchat.engine.events import (
    ChatMessage,
    Engine,
    EngineInfo,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
)
from dgchat.engine.in_turn import generate_all
from dgchat.errors import DgchatError, UsageError, as_dgchat_error
from dgchat.one_shot.answering import ONE_SHOT_CANVASES
from dgchat.settings import Settings
from dgchat.stream.answered import Answered, as_fields


class BatchAnswering:
    """Some rows on their way to their answers."""

    def __init__(
        self, settings: Settings, digest: str, counts: BatchCounts, answers: AnswerFile | AnswerStream
    ) -> None:
        self._settings = settings
        self._digest = digest
        self._counts = counts
        self._answers = answers
        self._asked: list[tuple[BatchRow, GenerationRequest]] = []
        self._info: EngineInfo | None = None
        self._cancelled = Flag()

    def stop(self) -> bool:
        """Stop within a step; whether anything was going on that had not been told already."""
        if self._info is None or self._cancelled.is_set():
            return False
        self._cancelled.set()
        return True

    def answer(
        self, engine: Engine, rows: Sequence[BatchRow], size: int, show: Callable[[BatchCounts], None]
    ) -> None:
        """Answer the rows, up to `size` together; what a stop leaves unfinished is not kept."""
        self._info = engine.info()
        if self._settings.thinking and not self._info.can_think:
            raise UsageError(f"{self._info.model} has no thought channel", hint="leave out --think")

        def on_event(_number: int, _event: Event) -> None:
            show(self._counts)

        def on_outcome(number: int, outcome: Finished | DgchatError) -> None:
            self._take(*self._asked[number], outcome)
            show(self._counts)

        try:
            requests = self._requests(rows, self._info)
            generate_all(engine, requests, size, on_event, on_outcome, self._cancelled)
            show(self._counts)
        except OSError:
            raise  # of the file or pipe that the answers go to, not of the engine
        except Exception as error:
            raise as_dgchat_error(error, "The engine failed") from error

    def _requests(self, rows: Sequence[BatchRow], info: EngineInfo) -> Iterator[GenerationRequest]:
        """What the rows ask of the engine; rows that cannot be asked are done with in passing."""
        for row in rows:
            if self._cancelled.is_set():
                return
            if isinstance(row.asked, DgchatError):
                self._put(row, _error_fields(row.asked))
                self._counts.add(None)
                continue
            request = self._request(row.number, row.asked.messages, row.asked.seed, info)
            self._asked.append((row, request))
            yield request

    def _request(
        self, number: int, messages: tuple[ChatMessage, ...], seed: int | None, info: EngineInfo
    ) -> GenerationRequest:
        settings = self._settings
        if settings.system and messages[:1] and messages[0].role != "system":
            messages = (ChatMessage("system", settings.system), *messages)
        if seed is None:
            seed = fresh_seed() if settings.seed is None else settings.seed + number
        steps = settings.steps or info.sampler.max_denoising_steps
        return GenerationRequest(
            messages=messages,
            max_new_tokens=settings.max_tokens or ONE_SHOT_CANVASES * info.canvas_length,
            sampler=replace(info.sampler, max_denoising_steps=steps),
            seed=seed,
            thinking=settings.thinking,
        )

    def _take(self, row: BatchRow, request: GenerationRequest, outcome: Finished | DgchatError) -> None:
        assert self._info is not None
        if isinstance(outcome, DgchatError):
            self._put(row, _error_fields(outcome))
            self._counts.add(None)
        elif outcome.reason is not FinishReason.CANCELLED:
            self._put(row, as_fields(Answered.of(outcome, request, self._info)))
            self._counts.add(outcome.stats.generated_tokens)

    def _put(self, row: BatchRow, fields: dict[str, object]) -> None:
        line = {
            "row": row.number,
            "line": row.line,
            "input": row.fields,
            **fields,
            "input_sha256": row.digest,
            "settings_sha256": self._digest,
        }
        self._answers.put(row.number, json.dumps(line).encode() + b"\n")


def _error_fields(error: DgchatError) -> dict[str, object]:
    return {"error": {"message": error.message, "hint": error.hint}}
