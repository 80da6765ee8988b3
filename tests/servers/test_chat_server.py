"""A chat server's answers, and everything that can go wrong with one, in one line each."""

from __future__ import annotations

import json
from threading import Event as Flag
from threading import Timer

import pytest

from dgchat.errors import DgchatError, ModelNotServedError, ServerError
from dgchat.servers.address import parse_address
from dgchat.servers.chat_server import ChatServer, ServedModel, choose_model
from dgchat.servers.stream import CompletionStream, Piece
from fake_chat_server import MODEL, FakeChatServer, error_event, sglang_stream, unused_url, vllm_stream

KEY = "sk-very-secret"
ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}


def ask(server: FakeChatServer, key: str | None = None, silence_seconds: float = 20) -> list[Piece]:
    """All that the server answers with something in it."""
    pieces: list[Piece] = []
    _server(server.url, key, silence_seconds).stream(ASKED, pieces.append, Flag())
    return [piece for piece in pieces if piece.text or piece.thought]


def _server(url: str, key: str | None = None, silence_seconds: float = 20) -> ChatServer:
    return ChatServer(parse_address(url).base, key, "THE_KEY", silence_seconds)


def failure(server: FakeChatServer, key: str | None = None, silence_seconds: float = 20) -> DgchatError:
    with pytest.raises(DgchatError) as caught:
        ask(server, key, silence_seconds)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("stream", [vllm_stream, sglang_stream])
def test_a_stream_is_told_piece_by_piece_thought_and_text_apart(stream):
    with FakeChatServer(stream(["One. ", "Two."], thoughts=["Which? "])) as server:
        assert ask(server) == [Piece(thought="Which? "), Piece("One. "), Piece("Two.")]
        assert server.paths == ["/v1/chat/completions"]
        assert server.requests == [{**ASKED, "stream": True}]


def test_line_separators_of_unicode_are_part_of_the_text():
    text = "a\u2028b\x85c 海 🦊"
    with FakeChatServer(vllm_stream([text])) as server:
        assert ask(server) == [Piece(text)]


def test_comments_and_empty_events_are_nothing():
    with FakeChatServer([": keep-alive\n\n", "event: ping\n\n", *vllm_stream(["Hi."])]) as server:
        assert ask(server) == [Piece("Hi.")]


def test_the_tokens_are_those_that_the_server_counts():
    with FakeChatServer(vllm_stream(["Hi."], finish="length", tokens=256)) as server:
        ending = _server(server.url).stream(ASKED, lambda piece: None, Flag())
    assert ending is not None
    assert (ending.finish_reason, ending.prompt_tokens, ending.completion_tokens) == ("length", 21, 256)


def test_nobody_there():
    with pytest.raises(ServerError, match="cannot be reached"):
        _server(unused_url()).models(Flag())


def test_a_wrong_key_names_the_variable_and_never_the_key():
    with FakeChatServer(key="another") as server:
        error = failure(server, KEY)
    assert "refuses the key" in str(error)
    assert "THE_KEY" in str(error)
    assert KEY not in str(error)


def test_the_key_is_brought_along():
    with FakeChatServer(vllm_stream(["Hi."]), key=KEY) as server:
        assert ask(server, KEY) == [Piece("Hi.")]


@pytest.mark.parametrize(
    ("status", "body", "words", "kind"),
    [
        (
            404,
            {"error": {"message": "The model `x` does not exist."}},
            "have that model",
            ModelNotServedError,
        ),
        (404, {"detail": "Not Found"}, "is no chat server: Not Found", ServerError),
        (400, {"object": "error", "message": "seed is not supported"}, "400: seed is not", ServerError),
        (500, {"error": {"message": "CUDA error\nout of memory"}}, "500: CUDA error out of", ServerError),
        (502, "<html>\nBad gateway</html>", "502: <html> Bad gateway", ServerError),
        (503, "", "503: Service Unavailable", ServerError),
    ],
)
def test_a_refusal_is_told_in_the_servers_own_words(status, body, words, kind):
    text = body if isinstance(body, str) else json.dumps(body)
    with FakeChatServer(status=status, body=text) as server:
        error = failure(server)
    assert words in str(error)
    assert type(error) is kind
    assert error.exit_code == (3 if kind is ModelNotServedError else 1)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("data: {never json\n\n", "no JSON"),
        ("data: [1]\n\n", "no chat completion"),
        ('data: {"object": "nothing"}\n\n', "no chat completion"),
        ('data: {"choices": [{"text": "old"}]}\n\n', "without a delta"),
        ('data: {"choices": [{"delta": {"content": 7}}]}\n\n', "content that is no text"),
        ('data: {"error": {"message": "engine died", "code": 500}}\n\n', "gave up: engine died"),
        ("data: " + "[" * 100_000 + "\n\n", "no JSON"),
    ],
)
def test_a_malformed_event_is_one_line(event, words):
    with FakeChatServer([*vllm_stream(["Hi. "])[:2], event]) as server:
        assert words in str(failure(server))


@pytest.mark.parametrize("stream", [vllm_stream, sglang_stream])
def test_an_error_in_mid_stream_is_told_whatever_follows_it(stream):
    with FakeChatServer([*stream(["Hi. "])[:2], *error_event("CUDA out of memory")]) as server:
        assert "gave up: CUDA out of memory" in str(failure(server))


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_is_given_up_is_no_answer(reason):
    with FakeChatServer(sglang_stream(["Half"], finish=reason)) as server:
        assert f"the server gave up: it ended its answer with {reason}" in str(failure(server))


def test_a_thought_under_both_of_its_names_is_taken_once():
    both = CompletionStream().take(
        '{"choices": [{"delta": {"reasoning": "Hm.", "reasoning_content": "Hm."}, "finish_reason": null}]}'
    )
    assert both.thought == "Hm."


def test_an_event_that_repeats_the_key_does_not_print_it():
    with FakeChatServer([f'data: {{"error": "bad key {KEY}"}}\n\n']) as server:
        assert "bad key ***" in str(failure(server, KEY))


@pytest.mark.parametrize("is_cut", [True, False], ids=["connection lost", "ended too early"])
def test_a_stream_that_ends_in_the_middle_is_no_answer(is_cut):
    with FakeChatServer(vllm_stream(["One. ", "Two."])[:2], is_cut=is_cut) as server:
        assert "in the middle" in str(failure(server))


def test_a_server_that_says_nothing_more_is_given_up():
    with FakeChatServer(vllm_stream(["One. ", "Two."]), hangs_after=2) as server:
        assert "said nothing for 0.3 s" in str(failure(server, silence_seconds=0.3))


def test_an_answer_that_does_not_stream_is_said_to_be_none():
    with FakeChatServer(status=200, events=["{}"]) as server:
        assert "in the middle" in str(failure(server))


def test_a_cancel_closes_the_connection_at_once():
    cancelled = Flag()
    pieces: list[Piece] = []
    with FakeChatServer(vllm_stream(["One. ", "Two."]), hangs_after=2) as server:
        Timer(0.1, cancelled.set).start()
        assert _server(server.url).stream(ASKED, pieces.append, cancelled) is None
        assert server.left.wait(10)
    assert Piece("One. ") in pieces


def test_what_was_cancelled_before_asks_nobody():
    cancelled = Flag()
    cancelled.set()
    with FakeChatServer(vllm_stream(["One."])) as server:
        assert _server(server.url).stream(ASKED, lambda piece: None, cancelled) is None
        assert server.requests == []


def test_a_failure_of_the_listener_is_its_own():
    def fail(piece: Piece) -> None:
        raise ZeroDivisionError

    with FakeChatServer(vllm_stream(["One."])) as server, pytest.raises(ZeroDivisionError):
        _server(server.url).stream(ASKED, fail, Flag())


def test_a_stream_without_a_done_is_whole_once_it_has_given_a_reason():
    stream = CompletionStream()
    assert not stream.is_whole
    stream.take('{"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}')
    assert stream.is_whole


SERVED = [ServedModel("qwen", 100), ServedModel(MODEL, 200)]


def test_the_models_are_listed_with_their_contexts():
    with FakeChatServer(models=("qwen", MODEL)) as server:
        listed = _server(server.url).models(Flag())
    assert listed == [ServedModel("qwen", 8192), ServedModel(MODEL, 8192)]


@pytest.mark.parametrize(
    ("served", "wanted", "chosen"),
    [(SERVED, "qwen", 0), (SERVED, None, 1), (SERVED[:1], None, 0)],
)
def test_the_model_is_the_named_one_else_the_only_one_that_can_be_meant(served, wanted, chosen):
    assert choose_model(served, wanted, "diffusiongemma", "there") is served[chosen]


@pytest.mark.parametrize("wanted", ["gpt", None])
def test_where_that_does_not_decide_it_the_models_are_named(wanted):
    with pytest.raises(ModelNotServedError, match="qwen"):
        choose_model([ServedModel("qwen", None), ServedModel("llama", None)], wanted, "diffusion", "there")
