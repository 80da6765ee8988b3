"""Events to lines and back. A stream is one answer: its first step holds all, each later one what is new."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import cast

from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    Event,
    Prefilled,
    Prefilling,
    StopReason,
)
from dgchat.errors import DgchatError, StreamError
from dgchat.stream import VERSION
from dgchat.stream.answered import Answered, as_fields, from_fields
from dgchat.stream.fields import Fields
from dgchat.stream.steps import StepReader, StepWriter

StreamEvent = Event | Answered | DgchatError
"""What a line tells; a stream ends with an answer or an error."""

_NAMES: Mapping[type, str] = {
    Prefilling: "prefilling",
    Prefilled: "prefilled",
    CanvasStarted: "canvas_started",
    CanvasStep: "step",
    CanvasCommitted: "canvas_committed",
    Answered: "finished",
}


class ToldError(DgchatError):
    """The error that a stream ended with, where it was written."""

    def __init__(self, message: str, hint: str | None, exit_code: int) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code


class Encoder:
    """Writes one stream, event by event."""

    def __init__(self, prompt: str = "") -> None:
        """`prompt` is told once it has been read, if there is one."""
        self._steps = StepWriter()
        self._prompt = prompt

    def encode(self, event: StreamEvent) -> str:
        """The event as one line, in ASCII, with its newline."""
        return line_of(self.fields(event))

    def fields(self, event: StreamEvent) -> dict[str, object]:
        """The fields of that line."""
        name, fields = self._fields(event)
        return {"v": VERSION, "event": name, **fields}

    def _fields(self, event: StreamEvent) -> tuple[str, dict[str, object]]:
        if isinstance(event, DgchatError):
            return "error", {"message": event.message, "hint": event.hint, "exit_code": event.exit_code}
        name = _NAMES[type(event)]
        if isinstance(event, CanvasStep):
            return name, self._steps.fields(event)
        if isinstance(event, Prefilled) and self._prompt:
            return name, {**asdict(event), "prompt": self._prompt}
        return name, as_fields(event) if isinstance(event, Answered) else asdict(event)


class Decoder:
    """Reads one stream, line by line."""

    def __init__(self) -> None:
        self.prompt = ""
        """What was asked, once it has been told; untrusted."""
        self._steps = StepReader()
        self._readers: Mapping[str, Callable[[Fields], StreamEvent]] = {
            "prefilling": _prefilling,
            "prefilled": self._prefilled,
            "canvas_started": _canvas_started,
            "step": self._steps.read,
            "canvas_committed": _canvas_committed,
            "finished": from_fields,
            "error": _error,
        }

    def decode(self, line: str | bytes) -> StreamEvent:
        """The event that a line tells; StreamError says what is wrong with it, as a sentence about it."""
        return self.read(fields_of(line))

    def read(self, fields: Fields) -> StreamEvent:
        """The event that the fields of a line tell; StreamError as in `decode`."""
        version = fields.raw.get("v")
        if version != VERSION or isinstance(version, bool):
            raise StreamError(
                f"its version is {version!r}, and this dgchat reads version {VERSION}",
                hint="use the same dgchat on both sides",
            )
        name = fields.text("event")
        if name not in self._readers:
            raise StreamError(f"its event is {name!r}", hint=f"there are {', '.join(self._readers)}")
        return self._readers[name](fields)

    def _prefilled(self, given: Fields) -> Prefilled:
        if "prompt" in given.raw:
            self.prompt = given.text("prompt")
        return Prefilled(
            prompt_tokens=given.whole("prompt_tokens"),
            cached_tokens=given.whole("cached_tokens"),
            dropped_turns=given.whole("dropped_turns"),
            seconds=given.number("seconds"),
        )


def line_of(fields: Mapping[str, object]) -> str:
    """The fields as one line of JSON in ASCII: no byte of it can steer a terminal."""
    return json.dumps(fields, separators=(",", ":")) + "\n"


def fields_of(line: str | bytes) -> Fields:
    """The fields of a line; StreamError if it is no JSON object."""
    try:
        raw: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise StreamError("it is not JSON") from error
    if not isinstance(raw, dict):
        raise StreamError("it is not a JSON object")
    return Fields(cast("dict[str, object]", raw))


def _prefilling(given: Fields) -> Prefilling:
    return Prefilling(done_tokens=given.whole("done_tokens"), prompt_tokens=given.whole("prompt_tokens", 1))


def _canvas_started(given: Fields) -> CanvasStarted:
    return CanvasStarted(
        canvas_index=given.whole("canvas_index"),
        canvas_length=given.whole("canvas_length", 1),
        max_canvases=given.whole("max_canvases", 1),
    )


def _canvas_committed(given: Fields) -> CanvasCommitted:
    return CanvasCommitted(
        canvas_index=given.whole("canvas_index"),
        text=given.text("text"),
        steps_used=given.whole("steps_used"),
        stop_reason=given.one_of("stop_reason", StopReason),
    )


def _error(given: Fields) -> ToldError:
    return ToldError(given.text("message"), given.text_or_null("hint"), given.whole("exit_code", 1))
