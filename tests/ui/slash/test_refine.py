"""/refine in the chat, and a chat over a server."""

from __future__ import annotations

from threading import Event as Flag

import pytest

from dgchat.engine.remote import RemoteEngine
from dgchat.ui.widgets.answer_text import AnswerText
from dgchat.ui.widgets.status_line import StatusLine
from fake_chat_server import FakeChatServer, vllm_stream
from scripted_engine import ANSWER, ScriptedEngine


async def test_refine_sends_the_last_canvases_back_and_the_new_answer_takes_the_place(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("hello")
        await chat.until_settled(1)
        trace = chat.session.turns[0].trace
        await chat.send("/refine 0.3")
        await chat.until_settled(2)
        _, request = engine.requests
        assert request.initial_canvas == (tuple(trace[len(trace) - 1].token_ids),)
        assert request.noise_level == 0.3
        assert [message.text for message in request.messages] == ["hello"]
        assert len(chat.session.turns) == 1
        await chat.send("/refine")
        await chat.until_settled(3)
        assert engine.requests[2].noise_level == 0.5


async def test_a_server_refines_the_last_answer(open_chat):
    with FakeChatServer(vllm_stream(["Better."]), models=("gemma",)) as server:
        async with open_chat(ScriptedEngine()) as chat:
            await chat.send("hello")
            await chat.until_settled(1)
            await chat.send(f"/refine {server.url}:gemma")
            await chat.until_settled(2)
            assert [turn.text for turn in chat.session.turns] == ["Better."]
            assert "steps not told" in chat.said
        assert ANSWER in server.requests[0]["messages"][1]["content"]


async def test_what_a_server_refuses_leaves_the_answer_as_it_was(open_chat):
    with FakeChatServer(status=500, body='{"error": "no memory"}') as server:
        async with open_chat(ScriptedEngine()) as chat:
            await chat.send("hello")
            await chat.until_settled(1)
            await chat.send(f"/refine {server.url}:gemma")
            await chat.until(lambda: "no memory" in chat.said)
            assert [turn.text for turn in chat.session.turns] == [ANSWER]


@pytest.mark.parametrize("typed", ["/refine 2", "/refine a b", "/refine ftp://x"])
async def test_a_wrong_argument_is_told_and_nothing_is_asked(open_chat, typed):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("hello")
        await chat.until_settled(1)
        await chat.send(typed)
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))
        assert len(engine.requests) == 1


async def test_without_an_answer_there_is_nothing_to_refine(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("/refine")
        await chat.until(lambda: "no answer yet" in chat.said)


async def test_a_chat_over_a_server_shows_what_arrives_and_says_that_steps_are_not_streamed(open_chat):
    stream = vllm_stream(["The tide ", "comes in."], finish="length", tokens=256)
    with FakeChatServer(stream, hangs_after=2) as server:
        async with open_chat(lambda loading: RemoteEngine.connect(server.url, None, None, Flag())) as chat:
            await chat.send("hello")
            await chat.until(lambda: "The tide" in chat.said)
            status = chat.app.chat.query_one(StatusLine).words
            assert status == "1 part has arrived · the server does not stream its steps"
            await chat.pilot.press("escape")
            await chat.until_settled(1)
            assert "stopped" in chat.said
            assert server.left.wait(10)


async def test_a_reply_that_the_server_cut_at_256_tokens_is_explained_in_the_chat(open_chat):
    with FakeChatServer(vllm_stream(["word"], finish="length", tokens=256)) as server:
        async with open_chat(lambda loading: RemoteEngine.connect(server.url, None, None, Flag())) as chat:
            await chat.send("hello")
            await chat.until_settled(1)
            assert "--override-generation-config" in chat.said
            assert chat.app.chat.query(AnswerText)
