"""Any chat server refines a draft."""

from __future__ import annotations

from threading import Event as Flag

import pytest

from dgchat.engine.events import (
    CanvasCommitted,
    ChatMessage,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
)
from dgchat.engine.refine_with import RefiningServer
from dgchat.errors import ModelNotServedError, ServerError
from fake_chat_server import FakeChatServer, sglang_stream, vllm_stream

ASKED = GenerationRequest((ChatMessage("system", "Be brief."), ChatMessage("user", "What is a tide?")), 96)
DRAFT = "A tide is a the sea rising."


def refine(server: FakeChatServer, model: str = "") -> tuple[Finished, list[Event]]:
    events: list[Event] = []
    engine = RefiningServer(server.url + model, None, DRAFT)
    return engine.generate(ASKED, events.append, Flag()), events


def test_the_server_gets_conversation_and_draft_and_nothing_it_could_refuse():
    with FakeChatServer(vllm_stream(["A tide is the sea rising."])) as server:
        done, _ = refine(server, ":llama3:8b")
        (body,) = server.requests
        assert server.paths == ["/v1/chat/completions"]
    assert done.text == "A tide is the sea rising."
    assert set(body) == {"model", "messages", "stream"}
    assert body["model"] == "llama3:8b"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    asked = body["messages"][1]["content"]
    assert all(text in asked for text in ("Be brief.", "What is a tide?", DRAFT))


def test_without_a_name_the_only_model_is_asked():
    with FakeChatServer(vllm_stream(["Better."]), models=("gemma-4",)) as server:
        refine(server)
        assert server.requests[0]["model"] == "gemma-4"
    with (
        FakeChatServer(models=("a", "b")) as server,
        pytest.raises(ModelNotServedError, match="name one of a, b"),
    ):
        refine(server)


@pytest.mark.parametrize(
    "stream",
    [
        vllm_stream(["Better."], thoughts=["Hm, ", "yes."]),
        sglang_stream(["Better."], thoughts=["Hm, yes."]),
        vllm_stream(["<think>\nHm, ", "yes.</think>", "\n\nBetter."]),
    ],
    ids=["reasoning", "reasoning_content", "think tags"],
)
def test_what_the_server_thinks_is_no_part_of_the_answer(stream: list[str]):
    with FakeChatServer(stream) as server:
        done, _ = refine(server)
    assert (done.text, done.thought) == ("Better.", "Hm, yes.")


def test_single_tokens_are_told_together():
    with FakeChatServer(vllm_stream(["a "] * 200)) as server:
        done, events = refine(server)
    told = [event for event in events if isinstance(event, CanvasCommitted)]
    assert len(told) < 100
    assert "".join(event.text for event in told).strip() == done.text == ("a " * 200).strip()


def test_an_answer_cut_by_the_server_is_said_to_be_cut():
    with FakeChatServer(vllm_stream(["Bet"], finish="length")) as server:
        done, _ = refine(server)
    assert done.reason is FinishReason.LENGTH
    assert "limit of its own" in done.note


def test_nothing_is_no_refinement():
    with FakeChatServer(vllm_stream([])) as server, pytest.raises(ServerError, match="to nothing"):
        refine(server)
