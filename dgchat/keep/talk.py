"""What a keeper and a one-shot say to each other: lines of JSON, and among them an answer's stream."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from dgchat.engine.events import CancelSignal, ChatMessage, EngineInfo, GenerationRequest, SamplerConfig
from dgchat.stream.lines import line_of

ENGINE, STATUS, STOP = "engine", "status", "stop"
"""What a connection may ask for, in its first line."""

HERE = line_of({"keeper": "here"})
"""What a keeper says at once to who asks for the engine."""

DONE = "done"
"""What a keeper tells once every request of a batch has its outcome."""

MAX_LINE_BYTES = 64 * 2**20

_POLL_SECONDS = 0.05
_CHUNK_BYTES = 65_536


def request_fields(request: GenerationRequest) -> dict[str, object]:
    """The request as JSON has it."""
    return asdict(request)


def read_request(fields: Mapping[str, object]) -> GenerationRequest:
    """The request that `request_fields` wrote; TypeError if it is none."""
    own = cast("dict[str, Any]", dict(fields))
    messages = tuple(ChatMessage(**message) for message in own.pop("messages"))
    draft = tuple(tuple(canvas) for canvas in own.pop("initial_canvas"))
    sampler = SamplerConfig(**own.pop("sampler"))
    return GenerationRequest(messages=messages, sampler=sampler, initial_canvas=draft, **own)


def batch_lines(requests: Sequence[GenerationRequest], size: int) -> Iterator[dict[str, object]]:
    """A batch as JSON has it: how many are answered together, how many there are, then each of them."""
    yield {"batch": {"size": size, "count": len(requests)}}
    for request in requests:
        yield {"request": request_fields(request)}


def info_fields(info: EngineInfo) -> dict[str, object]:
    """What is known of an engine, as JSON has it."""
    return asdict(info)


def read_info(fields: Mapping[str, object]) -> EngineInfo:
    """What `info_fields` wrote; TypeError if it is not that."""
    own = cast("dict[str, Any]", dict(fields))
    return EngineInfo(sampler=SamplerConfig(**own.pop("sampler")), **own)


def say(connection: socket.socket, fields: Mapping[str, object]) -> None:
    """Send one line; OSError if nobody takes it."""
    connection.sendall(line_of(fields).encode())


def is_welcome(connection: socket.socket, timeout_seconds: float) -> bool:
    """Whether the keeper says HERE in that time; reads not a byte more."""
    connection.settimeout(timeout_seconds)
    heard, awaited = b"", HERE.encode()
    while len(heard) < len(awaited):
        chunk = connection.recv(len(awaited) - len(heard))
        if not chunk:
            break
        heard += chunk
    return heard == awaited


def hear(connection: socket.socket, cancelled: CancelSignal | None = None) -> Iterator[bytes]:
    """The lines that come, until the other end closes; one that it did not finish is left out.

    Once `cancelled` is set, the other end is shown that nothing more will be asked of it; that is how an
    answer is stopped.
    """
    connection.settimeout(None if cancelled is None else _POLL_SECONDS)
    is_told = False
    rest = b""
    while len(rest) <= MAX_LINE_BYTES:
        if cancelled is not None and cancelled.is_set() and not is_told:
            connection.shutdown(socket.SHUT_WR)
            is_told = True
        try:
            chunk = connection.recv(_CHUNK_BYTES)
        except TimeoutError:
            continue
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
