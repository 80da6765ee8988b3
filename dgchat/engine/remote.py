"""The engine over a vLLM or SGLang server: committed canvases arrive, denoising steps do not."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

from dgchat.engine.events import (
    CancelSignal,
    CanvasCommitted,
    CanvasStarted,
    EngineInfo,
    EventListener,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
    SamplerConfig,
    StopReason,
)
from dgchat.engine.prompt import check_messages, goes_on
from dgchat.errors import LoadCancelled, UsageError
from dgchat.servers.address import parse_address
from dgchat.servers.chat_server import ChatServer, ServedModel, choose_model
from dgchat.servers.stream import CompletionStream, Piece
from dgchat.settings import SERVER_KEY

CANVAS_LENGTH = 256
"""Tokens on a canvas of every DiffusionGemma that a server has."""

_DEFAULT_CONTEXT = 262_144
_FAMILY = "diffusiongemma"

CUT_NOTE = (
    f"the server cut the answer at {CANVAS_LENGTH} tokens, one canvas: vLLM does unless it is started with "
    """--override-generation-config '{"max_new_tokens": null}'"""
)


class RemoteEngine:
    """The `Engine` of a model on a chat server; sampler, seed and steps are the server's own."""

    def __init__(self, server: ChatServer, model: ServedModel) -> None:
        self._server = server
        self._model = model

    @classmethod
    def connect(cls, url: str, key: str | None, model: str | None, cancelled: CancelSignal) -> RemoteEngine:
        """Ask the server for its models and take the one called `model`, or the only DiffusionGemma.

        UsageError for an address that is none, ServerError if the server does not have or tell it,
        LoadCancelled.
        """
        address = parse_address(url)
        server = ChatServer(address.base, key, SERVER_KEY)
        served = server.models(cancelled)
        if cancelled.is_set():
            raise LoadCancelled("connecting was cancelled")
        return cls(server, choose_model(served, model or address.model, _FAMILY, address.base))

    def info(self) -> EngineInfo:
        """What the server has told; its sampler and its memory it does not tell."""
        return EngineInfo(
            model=self._model.name,
            device=self._server.base,
            dtype="not told",
            parameters=0,
            canvas_length=CANVAS_LENGTH,
            context_length=self._model.context_length or _DEFAULT_CONTEXT,
            sampler=SamplerConfig(),
            max_new_tokens=CANVAS_LENGTH,
            can_think=True,
            ops_reason="the server's own",
            streams_steps=False,
        )

    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        """Answer the request as `Engine.generate`; a cancel closes the connection."""
        check_messages(request.messages)
        if request.initial_canvas:
            raise UsageError("a server takes no draft", hint="--refine-with has a server refine one")
        answer = _Answer(request, on_event)
        ending = self._server.stream(self._body(request), answer.take, cancelled)
        return answer.finished(ending)

    def _body(self, request: GenerationRequest) -> dict[str, object]:
        """No sampling fields: SGLang refuses them."""
        body: dict[str, object] = {
            "model": self._model.name,
            "messages": [{"role": one.role, "content": one.text} for one in request.messages],
            "max_tokens": request.max_new_tokens,
            "chat_template_kwargs": {"enable_thinking": request.thinking},
            "stream_options": {"include_usage": True},
        }
        if goes_on(request.messages):
            body |= {"add_generation_prompt": False, "continue_final_message": True}
        return body


class _Answer:
    """What has arrived of one answer."""

    def __init__(
        self,
        request: GenerationRequest,
        on_event: EventListener,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._request = request
        self._on_event = on_event
        self._clock = clock
        self._began = clock()
        self._text = self._thought = ""
        self._num_canvases = 0
        self._max_canvases = ceil(request.max_new_tokens / CANVAS_LENGTH)
        on_event(CanvasStarted(0, CANVAS_LENGTH, self._max_canvases))

    def take(self, piece: Piece) -> None:
        """A committed canvas, or the part of one that is thought."""
        if not (piece.text or piece.thought):
            return
        is_first = not self._text and not goes_on(self._request.messages)
        text = piece.text.lstrip() if is_first else piece.text
        self._text += text
        self._thought += piece.thought
        self._on_event(CanvasCommitted(self._num_canvases, text, 0, StopReason.NOT_TOLD))
        self._num_canvases += 1

    def finished(self, ending: CompletionStream | None) -> Finished:
        """The whole answer; `ending` is None if it was cancelled."""
        tokens = ending.completion_tokens if ending else None
        stats = GenerationStats(
            prompt_tokens=(ending.prompt_tokens if ending else None) or 0,
            generated_tokens=tokens or 0,
            canvases=self._num_canvases,
            canvas_length=CANVAS_LENGTH,
            denoise_seconds=self._clock() - self._began,
        )
        reason = _reason(ending)
        is_cut_early = reason is FinishReason.LENGTH and self._request.max_new_tokens > CANVAS_LENGTH
        has_one_canvas = tokens == CANVAS_LENGTH if tokens is not None else self._num_canvases == 1
        note = CUT_NOTE if is_cut_early and has_one_canvas else ""
        return Finished(self._text.rstrip(), self._thought.strip(), reason, stats, note)


def _reason(ending: CompletionStream | None) -> FinishReason:
    if ending is None:
        return FinishReason.CANCELLED
    return FinishReason.LENGTH if ending.finish_reason == "length" else FinishReason.END_OF_TURN
