"""A stream that was or is being written somewhere else, on its way to an answer here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

from dgchat.engine.events import CanvasStep
from dgchat.errors import DgchatError, StreamError
from dgchat.replay.first_format import BEGINNING, read_first_format
from dgchat.replay.jsonl import events_of
from dgchat.session.loading import Loading
from dgchat.session.turn import Turn, TurnSettings
from dgchat.stream import MAX_LINE_BYTES
from dgchat.stream.answered import Answered
from dgchat.stream.lines import Decoder, StreamEvent

_BEGINNING = b'{"v":'
"""What tells a stream that was cut off in its first line from what is none."""


class Viewing:
    """Reads one stream; `run` may be called in a thread, the rest is for looking on."""

    def __init__(self, source: BinaryIO, wait: Callable[[float], object] = lambda seconds: None) -> None:
        self._source = source
        self._wait = wait
        self.loading = Loading()
        self.turn = Turn("", TurnSettings())
        self.answered: Answered | None = None
        """The last line of the stream."""

    @property
    def is_loaded(self) -> bool:
        """Whether the stream has begun: before that the model is loading, wherever it is."""
        return self.turn.prefilled is not None

    def run(self) -> None:
        """Read up to the answer; StreamError if none comes, the stream's own error if it ends with one.

        `wait` is given the seconds of every step before the step is shown.
        """
        for event in read_stream(self._source):
            if isinstance(event, DgchatError):
                raise event
            if isinstance(event, Answered):
                self.answered, self.turn.finished = event, event.finished
                return
            if isinstance(event, CanvasStep):
                self._wait(event.seconds)
            self.turn.record(event)
        raise StreamError("the stream ends before its answer does", hint="what wrote it was ended")


def read_stream(source: BinaryIO) -> Iterator[StreamEvent]:
    """The events of a stream, or of a recording in the first format; StreamError or ReplayFileError names the
    line that is none.
    """
    decoder = Decoder()
    number = 0
    while line := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise StreamError(f"line {number} of the stream is longer than {MAX_LINE_BYTES // 2**20} MiB")
        if number == 1 and line.startswith(BEGINNING.encode()):
            rest = (one.decode(errors="replace") for one in chain([line], _bounded_lines(source)))
            yield from events_of(read_first_format(enumerate(rest, start=1)))
            return
        try:
            yield decoder.decode(line)
        except StreamError as error:
            raise _about_line(number, line, error) from error
    if not number:
        raise StreamError("the stream is empty", hint="dgchat --prompt TEXT --jsonl writes one")


def _bounded_lines(source: BinaryIO) -> Iterator[bytes]:
    while line := source.readline(MAX_LINE_BYTES + 1):
        yield line


def _about_line(number: int, line: bytes, error: StreamError) -> StreamError:
    if not line.endswith(b"\n") and (number > 1 or line.startswith(_BEGINNING)):
        return StreamError(f"the stream ends in the middle of line {number}", hint="what wrote it was ended")
    if number == 1 and error.hint is None:
        hint = "dgchat --prompt TEXT --jsonl writes one"
        return StreamError(f"this is no stream of dgchat: line 1: {error.message}", hint=hint)
    return StreamError(f"line {number} of the stream: {error.message}", hint=error.hint)
