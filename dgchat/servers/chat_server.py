"""One chat server: which models it has, and the answers it streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx2

from dgchat.engine.events import CancelSignal
from dgchat.errors import DgchatError, ModelNotServedError, ServerError
from dgchat.servers.cancelling import run_until_cancelled
from dgchat.servers.stream import CompletionStream, Piece, words_of

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 120.0
"""A server that sends nothing for so long is given up; a long prompt takes its time."""

_MAX_ERROR_BYTES = 65_536
_MAX_NAMED = 6


@dataclass(frozen=True, slots=True)
class ServedModel:
    name: str
    """What a request calls it."""
    context_length: int | None
    """Most tokens of prompt and answer; None if the server does not tell."""


class ChatServer:
    """Every method raises ServerError, in one line that never holds the key."""

    def __init__(
        self, base: str, key: str | None, key_variable: str, silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        """`key_variable`: where `key` was read from, for hints."""
        self.base = base
        self._key = key
        self._key_variable = key_variable
        self._timeout = httpx2.Timeout(silence_seconds, connect=min(CONNECT_SECONDS, silence_seconds))

    def models(self, cancelled: CancelSignal) -> list[ServedModel]:
        """The models the server has; none once `cancelled` is set."""
        return run_until_cancelled(self._models(), cancelled) or []

    def stream(
        self, request: Mapping[str, object], on_piece: Callable[[Piece], None], cancelled: CancelSignal
    ) -> CompletionStream | None:
        """Answer the chat completion `request`, telling each piece as it arrives; how it ended, or None if it
        was cancelled.
        """
        return run_until_cancelled(self._stream({**request, "stream": True}, on_piece), cancelled)

    async def _models(self) -> list[ServedModel]:
        with self._in_words():
            async with self._client() as client, client.stream("GET", f"{self.base}/models") as response:
                if response.status_code != httpx2.codes.OK:
                    raise await self._refusal(response)
                return _read_models(await response.aread())

    async def _stream(
        self, request: Mapping[str, object], on_piece: Callable[[Piece], None]
    ) -> CompletionStream:
        stream = CompletionStream()
        address = f"{self.base}/chat/completions"
        with self._in_words():
            async with self._client() as client, client.stream("POST", address, json=request) as response:
                if response.status_code != httpx2.codes.OK:
                    raise await self._refusal(response)
                async for event in httpx2.EventSource(response):
                    if event.data:
                        on_piece(stream.take(event.data))
                    if stream.is_done:
                        break
        if not stream.is_whole:
            raise ServerError(f"{self.base} ended its answer in the middle", hint="ask again")
        return stream

    def _client(self) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return httpx2.AsyncClient(headers=headers, timeout=self._timeout)

    async def _refusal(self, response: httpx2.Response) -> DgchatError:
        """The error that a status other than 200 stands for."""
        told = words_of(await _body(response))
        status = response.status_code
        if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
            return ServerError(f"{self.base} refuses the key: {told}", hint=f"set {self._key_variable}")
        if status == httpx2.codes.NOT_FOUND and "model" in told.lower():
            return ModelNotServedError(f"{self.base} does not have that model: {told}")
        if status == httpx2.codes.NOT_FOUND:
            return ServerError(f"{self.base} is no chat server: {told}", hint="its address often ends in /v1")
        return ServerError(f"{self.base} answered {status}: {told}")

    @contextmanager
    def _in_words(self) -> Generator[None]:
        """Make one line of what can go wrong on the way, and take the key out of it."""
        try:
            yield
        except ServerError as error:
            raise type(error)(self._without_key(error.message), error.hint) from None
        except httpx2.ConnectError as error:
            raise ServerError(f"{self.base} cannot be reached: {error}", hint="is it running?") from error
        except httpx2.TimeoutException as error:
            raise ServerError(f"{self.base} said nothing for {self._waited(error):g} s") from error
        except (httpx2.ReadError, httpx2.RemoteProtocolError) as error:
            raise ServerError(f"{self.base} ended its answer in the middle", hint="ask again") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ServerError(self._without_key(f"{self.base} does not answer as agreed: {error}")) from error

    def _waited(self, error: httpx2.TimeoutException) -> float:
        timeout = self._timeout
        return (timeout.connect if isinstance(error, httpx2.ConnectTimeout) else timeout.read) or 0.0

    def _without_key(self, words: str) -> str:
        return words.replace(self._key, "***") if self._key else words


def choose_model(served: list[ServedModel], wanted: str | None, preferred: str, where: str) -> ServedModel:
    """The model called `wanted`; without a name the only one, else the only one whose name holds `preferred`.

    ModelNotServedError names those that there are.
    """
    names = ", ".join(model.name for model in served[:_MAX_NAMED]) + (
        ", …" if len(served) > _MAX_NAMED else ""
    )
    if wanted is not None:
        for model in served:
            if model.name == wanted:
                return model
        raise ModelNotServedError(f"{where} does not have {wanted}", hint=f"it has {names or 'none'}")
    fitting = served if len(served) == 1 else [model for model in served if preferred in model.name.lower()]
    if len(fitting) != 1:
        raise ModelNotServedError(
            f"{where} does not say which model to take", hint=f"name one of {names or 'none'}"
        )
    return fitting[0]


async def _body(response: httpx2.Response) -> object:
    """The beginning of what came with a refusal, as JSON if it is some."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_ERROR_BYTES:
            break
    text = body[:_MAX_ERROR_BYTES].decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text or response.reason_phrase


def _read_models(body: bytes) -> list[ServedModel]:
    try:
        rows = json.loads(body)["data"]
        return [ServedModel(str(row["id"]), _length(row)) for row in rows]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise ServerError("the server's list of models cannot be read") from error


def _length(row: Mapping[str, Any]) -> int | None:
    length = cast("object", row.get("max_model_len"))
    return length if isinstance(length, int) and length > 0 else None
