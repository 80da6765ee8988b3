"""A recording as the stream that `--jsonl` would have written, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    Event,
    Finished,
    FinishReason,
    GenerationStats,
    Prefilled,
    StopReason,
)
from dgchat.errors import StreamError
from dgchat.replay.first_format import BEGINNING, ReplayFileError, in_order, read_first_format
from dgchat.replay.recording import Recording, settled_text
from dgchat.stream import MAX_LINE_BYTES
from dgchat.stream.answered import Answered
from dgchat.stream.lines import Decoder, Encoder, StreamEvent, fields_of

_UNTOLD = Prefilled(0, 0, 0, 0.0)
"""What is said of a prompt of which nothing is known."""


def as_jsonl(recording: Recording) -> str:
    """The recording as text that `read_jsonl` reads, in ASCII."""
    encoder = Encoder(recording.prompt)
    return "".join(map(encoder.encode, events_of(recording)))


def read_jsonl(lines: Iterable[str]) -> Recording:
    """The recording that the lines hold; ReplayFileError says which line is wrong, and how."""
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    first = next(numbered, (1, ""))
    numbered = chain([first], numbered)
    return _read_stream(numbered) if _is_of_a_stream(first[1]) else read_first_format(numbered)


def events_of(recording: Recording) -> Iterator[Event | Answered]:
    """The recording as a stream tells it, but for why a canvas ended."""
    yield recording.prefilled or _UNTOLD
    count = len(recording.canvases)
    for canvas in recording.canvases:
        index, length = canvas[0].canvas_index, len(canvas[0].token_ids)
        yield CanvasStarted(index, length, count)
        yield from canvas
        yield CanvasCommitted(index, settled_text(canvas), len(canvas), StopReason.NOT_TOLD)
    finished = recording.finished or _made_out(recording)
    yield Answered(finished, recording.model, recording.seed or 0, recording.settings)


def _made_out(recording: Recording) -> Finished:
    """How the answer ended, as far as its steps tell."""
    canvases = recording.canvases
    last = canvases[-1][-1]
    ends = [canvas[-1].end for canvas in canvases]
    lengths = [len(canvas[-1].token_ids) for canvas in canvases]
    prefilled = recording.prefilled or _UNTOLD
    return Finished(
        text=recording.text,
        thought="".join(settled_text(canvas, is_thought=True) for canvas in canvases).strip(),
        reason=FinishReason.LENGTH if last.end is None else FinishReason.END_OF_TURN,
        stats=GenerationStats(
            prompt_tokens=prefilled.prompt_tokens,
            cached_tokens=prefilled.cached_tokens,
            generated_tokens=sum(
                length if end is None else end for end, length in zip(ends, lengths, strict=True)
            ),
            canvases=len(canvases),
            canvas_length=len(last.token_ids),
            denoising_steps=len(recording.steps),
            prefill_seconds=prefilled.seconds,
            denoise_seconds=sum(step.seconds for step in recording.steps),
        ),
    )


def _is_of_a_stream(line: str) -> bool:
    if line.startswith(BEGINNING) or len(line) > MAX_LINE_BYTES:
        return False
    try:
        return "event" in fields_of(line).raw
    except StreamError:
        return False


def _read_stream(numbered: Iterable[tuple[int, str]]) -> Recording:
    """The steps of a stream, also of one that ends early."""
    decoder = Decoder()
    prefilled: Prefilled | None = None
    answered: Answered | None = None

    def steps() -> Iterator[tuple[int, CanvasStep]]:
        nonlocal prefilled, answered
        for number, line in numbered:
            event = _decoded(decoder, number, line)
            if isinstance(event, CanvasStep):
                yield number, event
            elif isinstance(event, Prefilled):
                prefilled = event
            elif isinstance(event, Answered):
                answered = event

    read = tuple(in_order(steps()))
    if not read:
        raise ReplayFileError("the stream has no steps")
    if answered is None:
        return Recording(decoder.prompt, read, prefilled=prefilled)
    return Recording(
        decoder.prompt,
        read,
        answered.model,
        answered.seed,
        prefilled,
        answered.finished,
        answered.settings,
    )


def _decoded(decoder: Decoder, number: int, line: str) -> StreamEvent:
    if len(line) > MAX_LINE_BYTES:
        raise ReplayFileError(f"line {number} is too long for a step")
    try:
        return decoder.decode(line)
    except StreamError as error:
        raise ReplayFileError(f"line {number}: {error.message}", hint=error.hint) from error
