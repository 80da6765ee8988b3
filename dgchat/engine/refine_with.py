"""Has any chat server refine the draft of an answer: an engine for one answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from dgchat.engine.events import (
    CancelSignal,
    CanvasCommitted,
    CanvasStarted,
    ChatMessage,
    EngineInfo,
    EventListener,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
    SamplerConfig,
    StopReason,
)
from dgchat.errors import ServerError
from dgchat.servers.address import parse_address
from dgchat.servers.chat_server import ChatServer, choose_model
from dgchat.servers.stream import CompletionStream, Piece
from dgchat.settings import REFINE_KEY

TELL_SECONDS = 0.1
"""A server that streams single tokens is told of no more often."""

_INSTRUCTIONS = (
    "You are given a conversation and the draft of its next answer, written in haste. Write the answer that "
    "the draft should have been: keep what is right, its language, its form and about its length; correct "
    "what is wrong, unclear or missing. Reply with the answer alone: no comment on the draft, no heading, no "
    "quotation marks around it."
)

_THINK_TAG = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
"""What servers without a field for it put before the answer."""


class RefiningServer:
    """An `Engine` that gives one draft back refined."""

    def __init__(self, address: str, key: str | None, draft: str) -> None:
        """`address`: URL[:MODEL]; UsageError if it is none."""
        parsed = parse_address(address)
        self._server = ChatServer(parsed.base, key, REFINE_KEY)
        self._model = parsed.model
        self._draft = draft

    def info(self) -> EngineInfo:
        """Its name and address; nothing else is known of it, and canvases it has none."""
        return EngineInfo(
            model=self._model or "",
            device=self._server.base,
            dtype="not told",
            parameters=0,
            canvas_length=1,
            context_length=1,
            sampler=SamplerConfig(),
            max_new_tokens=1,
            can_think=True,
            ops_reason="the server's own",
            streams_steps=False,
        )

    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        """The draft refined, as `Engine.generate`; a cancel closes the connection."""
        answer = _Answer(on_event)
        if self._model is None:
            served = self._server.models(cancelled)
            if cancelled.is_set():
                return answer.finished(None)
            self._model = choose_model(served, None, "", self._server.base).name
        body = {"model": self._model, "messages": messages_for(request.messages, self._draft)}
        ending = self._server.stream(body, answer.take, cancelled)
        finished = answer.finished(ending)
        if ending is not None and not finished.text:
            raise ServerError(f"{self._server.base} refined the draft to nothing", hint="try another model")
        return finished


def messages_for(conversation: tuple[ChatMessage, ...], draft: str) -> list[dict[str, str]]:
    """The chat that asks for the refined answer."""
    told = "\n\n".join(f"[{message.role}]\n{message.text}" for message in conversation)
    asked = f"The conversation:\n\n{told}\n\nThe draft of the next answer:\n\n{draft}"
    return [{"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": asked}]


class _Answer:
    """What has arrived of the refined answer."""

    def __init__(self, on_event: EventListener, clock: Callable[[], float] = time.perf_counter) -> None:
        self._on_event = on_event
        self._clock = clock
        self._began = self._told_at = clock()
        self._text = self._thought = self._untold = ""
        self._num_told = 0
        on_event(CanvasStarted(0, 1, 1))

    def take(self, piece: Piece) -> None:
        """The next part, told once in a while."""
        self._text += piece.text
        self._thought += piece.thought
        self._untold += piece.text
        if self._clock() - self._told_at >= TELL_SECONDS:
            self._tell()

    def finished(self, ending: CompletionStream | None) -> Finished:
        """The whole of it; `ending` is None if it was cancelled."""
        self._tell()
        seconds = self._clock() - self._began
        stats = GenerationStats(
            prompt_tokens=(ending.prompt_tokens if ending else None) or 0,
            generated_tokens=(ending.completion_tokens if ending else None) or 0,
            denoise_seconds=seconds,
        )
        thought, text = _split(self._thought, self._text)
        if ending is None:
            return Finished(text, thought, FinishReason.CANCELLED, stats)
        is_cut = ending.finish_reason == "length"
        note = "the server cut the refined answer at a limit of its own" if is_cut else ""
        reason = FinishReason.LENGTH if is_cut else FinishReason.END_OF_TURN
        return Finished(text, thought, reason, stats, note)

    def _tell(self) -> None:
        if self._untold:
            self._on_event(CanvasCommitted(self._num_told, self._untold, 0, StopReason.NOT_TOLD))
            self._num_told += 1
        self._untold, self._told_at = "", self._clock()


def _split(thought: str, text: str) -> tuple[str, str]:
    if (tagged := _THINK_TAG.match(text)) is not None:
        thought, text = thought + tagged[1], text[tagged.end() :]
    return thought.strip(), text.strip()
