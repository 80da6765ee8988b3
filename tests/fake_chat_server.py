"""A chat server on this machine that answers with streams in the shape of vLLM's and SGLang's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

MODEL = "google/diffusiongemma-26B-A4B-it"


def vllm_stream(
    texts: Iterable[str], thoughts: Iterable[str] = (), finish: str = "stop", tokens: int | None = 12
) -> list[str]:
    """One event per canvas, thought first; with `tokens` an event that counts them at the end. Fields that
    are not set are left out.
    """
    deltas = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning": thought} for thought in thoughts] + [{"content": text} for text in texts]
    ends = [None] * (len(deltas) - 1) + [finish]
    events = [
        _chunk({"index": 0, "delta": delta, "logprobs": None, "finish_reason": end, **_stop(end)})
        for delta, end in zip(deltas, ends, strict=True)
    ]
    if tokens is not None:
        usage = {"prompt_tokens": 21, "total_tokens": 21 + tokens, "completion_tokens": tokens}
        events.append(_chunk(None, usage))
    return [*events, "data: [DONE]\n\n"]


def _stop(end: str | None) -> dict[str, object]:
    return {} if end is None else {"stop_reason": None}


def sglang_stream(
    texts: Iterable[str], thoughts: Iterable[str] = (), finish: str = "stop", tokens: int | None = 12
) -> list[str]:
    """As SGLang writes them: every field in every delta, the role first, the end in an event of its own, and
    with `tokens` one that counts them.
    """

    def choice(
        content: str | None, thought: str | None, end: str | None, role: str | None = None
    ) -> dict[str, object]:
        delta = {"role": role, "content": content, "reasoning_content": thought, "tool_calls": None}
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end, "matched_stop": None}

    choices = [choice("", None, None, role="assistant")]
    choices += [choice(None, thought, None) for thought in thoughts]
    choices += [choice(text, None, None) for text in texts]
    events = [_chunk(one, {}) for one in (*choices, choice(None, None, finish))]
    if tokens is not None:
        usage = {"prompt_tokens": 21, "total_tokens": 21 + tokens, "completion_tokens": tokens}
        events.append(_chunk(None, {**usage, "prompt_tokens_details": None, "reasoning_tokens": 0}))
    return [*events, "data: [DONE]\n\n"]


def error_event(message: str) -> list[str]:
    """How both break off a stream that has begun."""
    error = {"message": message, "type": "InternalServerError", "param": None, "code": 500}
    return [f"data: {json.dumps({'error': error})}\n\n", "data: [DONE]\n\n"]


def _chunk(choice: dict[str, object] | None, usage: Mapping[str, object] | None = None) -> str:
    """Without `usage` there is no such field; where it is empty it is null."""
    event = {
        "id": "chatcmpl-9f0c",
        "object": "chat.completion.chunk",
        "created": 1781000000,
        "model": MODEL,
        "choices": [choice] if choice else [],
        **({} if usage is None else {"usage": usage or None}),
    }
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"


@dataclass
class FakeChatServer:
    """Runs between `with` and its end."""

    events: list[str] = field(default_factory=list)
    """Sent one by one to every chat completion."""
    models: tuple[str, ...] = (MODEL,)
    status: int = 200
    """Of a chat completion; another one has `body`."""
    body: str = ""
    key: str | None = None
    """What a request must bring, if it is not None."""
    is_cut: bool = False
    """Close the connection behind the last event, where more was promised."""
    hangs_after: int | None = None
    """Send nothing behind so many events, until the other side has gone."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of the chat completions asked for."""
    paths: list[str] = field(default_factory=list)
    left: Event = field(default_factory=Event)
    """Set when the other side has closed a connection that hung."""

    def __enter__(self) -> FakeChatServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Without a path, as people write it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    fake: FakeChatServer

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.fake.paths.append(self.path)
        rows = [{"id": name, "object": "model", "max_model_len": 8192} for name in self.fake.models]
        if self._is_allowed():
            self._send(200, json.dumps({"object": "list", "data": rows}))

    def do_POST(self) -> None:
        self.fake.paths.append(self.path)
        length = int(self.headers["Content-Length"])
        self.fake.requests.append(json.loads(self.rfile.read(length)))
        if not self._is_allowed():
            return
        if self.fake.status != 200:
            self._send(self.fake.status, self.fake.body)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._stream()

    def _stream(self) -> None:
        for index, event in enumerate(self.fake.events):
            if self.fake.hangs_after == index:
                self._hang()
                return
            chunk = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        if not self.fake.is_cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _hang(self) -> None:
        """Until reading finds the end of what the other side sends: it has closed the connection."""
        self.connection.settimeout(20)
        try:
            gone = not self.connection.recv(1)
        except TimeoutError:
            gone = False
        except OSError:
            gone = True
        if gone:
            self.fake.left.set()
        self.close_connection = True

    def _is_allowed(self) -> bool:
        brought = self.headers.get("Authorization")
        if self.fake.key is None or brought == f"Bearer {self.fake.key}":
            return True
        self._send(401, json.dumps({"error": f"Unauthorized: {brought}"}))
        return False

    def _send(self, status: int, body: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def unused_url() -> str:
    """Where nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        return f"http://127.0.0.1:{closed.server_address[1]}"
