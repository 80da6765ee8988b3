"""The engine over a server: canvases as they arrive, steps never, and every ending explained."""

from __future__ import annotations

from dataclasses import replace
from threading import Event as Flag

import pytest

from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStarted,
    CanvasStep,
    ChatMessage,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
    StopReason,
)
from dgchat.engine.remote import CUT_NOTE, RemoteEngine
from dgchat.errors import LoadCancelled, ModelNotServedError, PromptError, ServerError, UsageError
from fake_chat_server import MODEL, FakeChatServer, sglang_stream, unused_url, vllm_stream

ASKED = GenerationRequest((ChatMessage("system", "Rhyme."), ChatMessage("user", "hello")), 1024, seed=7)


def connect(server: FakeChatServer, model: str | None = None) -> RemoteEngine:
    return RemoteEngine.connect(server.url, None, model, Flag())


def answer(server: FakeChatServer, request: GenerationRequest = ASKED) -> tuple[Finished, list[Event]]:
    events: list[Event] = []
    return connect(server).generate(request, events.append, Flag()), events


@pytest.mark.parametrize("stream", [vllm_stream, sglang_stream])
def test_committed_canvases_are_told_as_they_arrive_and_no_step_is_made_up(stream):
    with FakeChatServer(stream(["\nThe tide ", "comes in."], thoughts=["Which tide?"])) as server:
        done, events = answer(server)
    assert (done.text, done.thought) == ("The tide comes in.", "Which tide?")
    assert (done.reason, done.note) == (FinishReason.END_OF_TURN, "")
    assert events[0] == CanvasStarted(0, 256, 4)
    told = [event for event in events if isinstance(event, CanvasCommitted)]
    assert [(event.canvas_index, event.text) for event in told] == [
        (0, ""),
        (1, "The tide "),
        (2, "comes in."),
    ]
    assert {event.stop_reason for event in told} == {StopReason.NOT_TOLD}
    assert not any(isinstance(event, CanvasStep) for event in events)
    assert done.stats.denoising_steps == 0


def test_a_request_has_a_length_a_switch_for_thinking_and_no_sampling_fields():
    with FakeChatServer(vllm_stream(["Hi."])) as server:
        answer(server, replace(ASKED, thinking=True))
        (body,) = server.requests
    assert set(body) == {
        "model",
        "messages",
        "max_tokens",
        "chat_template_kwargs",
        "stream",
        "stream_options",
    }
    assert (body["model"], body["max_tokens"]) == (MODEL, 1024)
    assert body["chat_template_kwargs"] == {"enable_thinking": True}
    assert body["messages"] == [
        {"role": "system", "content": "Rhyme."},
        {"role": "user", "content": "hello"},
    ]


def test_an_answer_goes_on_from_where_it_was_and_keeps_its_space():
    going_on = replace(ASKED, messages=(*ASKED.messages, ChatMessage("assistant", "The tide")))
    with FakeChatServer(vllm_stream([" comes in."])) as server:
        done, _ = answer(server, going_on)
        (body,) = server.requests
    assert done.text == " comes in."
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)


@pytest.mark.parametrize("tokens", [256, None], ids=["counted", "not counted"])
def test_an_answer_cut_after_one_canvas_is_explained(tokens: int | None):
    with FakeChatServer(vllm_stream(["word " * 200], finish="length", tokens=tokens)) as server:
        done, _ = answer(server)
    assert done.reason is FinishReason.LENGTH
    assert done.note == CUT_NOTE
    assert "--override-generation-config" in done.note


@pytest.mark.parametrize(("limit", "tokens"), [(1024, 1024), (256, 256), (100, 100)])
def test_an_answer_cut_where_it_was_to_be_cut_needs_no_explanation(limit: int, tokens: int):
    stream = vllm_stream(["word ", "word "], finish="length", tokens=tokens)
    with FakeChatServer(stream) as server:
        done, _ = answer(server, replace(ASKED, max_new_tokens=limit))
    assert (done.reason, done.note) == (FinishReason.LENGTH, "")
    assert done.stats.generated_tokens == tokens


def test_a_cancel_keeps_what_has_arrived_and_closes_the_connection():
    cancelled = Flag()
    with FakeChatServer(vllm_stream(["One. ", "Two."]), hangs_after=2) as server:
        engine = connect(server)
        done = engine.generate(
            ASKED, lambda event: cancelled.set() if isinstance(event, CanvasCommitted) else None, cancelled
        )
        assert server.left.wait(10)
    assert (done.text, done.reason) == ("One.", FinishReason.CANCELLED)


def test_the_server_says_which_model_and_how_long():
    with FakeChatServer(models=("qwen", MODEL)) as server:
        info = connect(server).info()
        assert info.device == f"{server.url}/v1"
    assert (info.model, info.context_length, info.canvas_length) == (MODEL, 8192, 256)
    assert not info.streams_steps


def test_a_model_can_be_named_with_the_url_or_apart():
    with FakeChatServer(models=("qwen", MODEL)) as server:
        assert connect(server, "qwen").info().model == "qwen"
        assert RemoteEngine.connect(f"{server.url}:qwen", None, None, Flag()).info().model == "qwen"
        with pytest.raises(ModelNotServedError, match=f"does not have gpt .it has qwen, {MODEL}"):
            connect(server, "gpt")


def test_what_a_server_cannot_do_is_said_before_it_is_asked():
    with FakeChatServer(vllm_stream(["Hi."])) as server:
        engine = connect(server)
        with pytest.raises(UsageError, match="takes no draft"):
            engine.generate(replace(ASKED, initial_canvas=((1,),)), lambda event: None, Flag())
        with pytest.raises(PromptError, match="empty"):
            engine.generate(replace(ASKED, messages=(ChatMessage("user", " "),)), lambda event: None, Flag())
        assert server.requests == []


def test_no_server_and_a_stop_while_connecting():
    with pytest.raises(ServerError, match="cannot be reached"):
        RemoteEngine.connect(unused_url(), None, None, Flag())
    stopped = Flag()
    stopped.set()
    with FakeChatServer() as server, pytest.raises(LoadCancelled):
        RemoteEngine.connect(server.url, None, None, stopped)
