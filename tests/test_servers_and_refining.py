"""`--refine`, `--refine-with` and `--server` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat_process import run_dgchat
from fake_chat_server import MODEL, FakeChatServer, sglang_stream, unused_url, vllm_stream
from scripted_engine import ANSWER, ScriptedEngine

KEY = "sk-very-secret"
Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a one-shot; exit code, stdout and stderr."""

    def one_shot(*arguments: str) -> tuple[int, str, str]:
        code = run(["--prompt", "tell me a story", *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return one_shot


@pytest.mark.usefixtures("needs_bundled_model")
@pytest.mark.parametrize("seed", ["7", "8"])
def test_at_noise_0_the_draft_is_printed_byte_for_byte_and_at_noise_1_the_fresh_answer(
    ask: Ask, seed: str
) -> None:
    _, fresh, _ = ask("--seed", seed)
    for passes in ("1", "3"):
        assert ask("--seed", seed, "--refine", passes, "--noise-level", "0") == (0, fresh, "")
        assert ask("--seed", seed, "--refine", passes, "--noise-level", "1") == (0, fresh, "")


@pytest.mark.usefixtures("needs_bundled_model")
def test_draft_and_refinements_stand_in_json_with_their_times(ask: Ask) -> None:
    _, shown, _ = ask("--seed", "7", "--refine", "2", "--noise-level", "0.4", "--json")
    answer = json.loads(shown)
    assert list(answer)[-2:] == ["draft", "refined"]
    assert [one["noise"] for one in answer["refined"]] == [0.4, 0.4]
    assert answer["text"] == answer["refined"][-1]["text"]
    assert answer["draft"]["text"] == json.loads(ask("--seed", "7", "--json")[1])["text"]
    assert all(one["seconds"] > 0 for one in (answer["draft"], *answer["refined"]))
    assert answer["seed"] == 7


@pytest.mark.usefixtures("needs_bundled_model")
def test_the_same_seed_refines_to_the_same_bytes(ask: Ask) -> None:
    flags = ("--seed", "3", "--refine", "2", "--noise-level", "0.8")
    assert ask(*flags) == ask(*flags)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--noise-level", "0.3"), "add --refine 1"),
        (("--refine", "1", "--noise-level", "1.5"), "--noise-level"),
        (("--refine", "-1"), "--refine"),
        (("--refine-with", "ftp://x"), "no server's address"),
        (("--refine-with", f"http://{KEY}@host"), "no key"),
        (("--refine", "1", "--server", "http://localhost:1"), "--refine-with asks a server"),
        (("--refine", "1", "--jsonl"), "use --json with --refine"),
        (("--server", "no url at all"), "no server's address"),
    ],
)
def test_what_makes_no_sense_is_usage(ask: Ask, flags: tuple[str, ...], words: str) -> None:
    code, out, err = ask(*flags)
    assert (code, out) == (2, "")
    assert words in err
    assert KEY not in err


def test_a_server_refines_what_the_model_has_drafted(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: ScriptedEngine())
    monkeypatch.setenv("DGCHAT_REFINE_KEY", KEY)
    with FakeChatServer(vllm_stream(["Better."], thoughts=["Hm."]), models=("gemma",), key=KEY) as server:
        assert ask("--refine-with", server.url) == (0, "Better.\n", "")
        code, shown, _ = ask("--refine-with", f"{server.url}:gemma", "--json")
        assert ANSWER in server.requests[0]["messages"][1]["content"]
    answer = json.loads(shown)
    assert code == 0
    assert (answer["text"], answer["thought"], answer["model"]) == ("Better.", "Hm.", "gemma")
    assert answer["draft"]["text"] == ANSWER
    (refined,) = answer["refined"]
    assert (refined["by"], refined["noise"], refined["text"]) == ("gemma", None, "Better.")
    assert refined["seconds"] > 0
    assert KEY not in shown


def test_a_server_that_fails_to_refine_is_one_line_and_the_draft_is_printed(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: ScriptedEngine())
    code, out, err = ask("--refine-with", f"{unused_url()}:gemma")
    assert (code, out, err.count("\n")) == (1, f"{ANSWER}\n", 1)
    assert "the answer is a draft, its refining failed: " in err
    assert "cannot be reached" in err


def test_a_server_that_breaks_off_leaves_the_draft_in_json_beside_the_error(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: ScriptedEngine())
    with FakeChatServer(vllm_stream(["Bet"])[:2], is_cut=True) as server:
        code, shown, _ = ask("--refine-with", f"{server.url}:gemma", "--json")
    answer = json.loads(shown)
    assert code == 1
    assert (answer["text"], answer["draft"]["text"], answer["refined"]) == (ANSWER, ANSWER, [])
    assert "in the middle" in answer["error"]


def test_a_draft_goes_into_no_file_and_is_not_lost(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("dgchat.api.load_engine", lambda name, device, **options: ScriptedEngine())
    file = tmp_path / "answer.txt"
    code, out, _ = ask("--refine-with", f"{unused_url()}:gemma", "-o", str(file))
    assert (code, out, file.exists()) == (1, f"{ANSWER}\n", False)


@pytest.mark.parametrize("stream", [vllm_stream, sglang_stream])
def test_a_server_answers_and_only_the_answer_is_on_stdout(ask: Ask, stream) -> None:
    with FakeChatServer(stream(["The tide ", "comes in."], thoughts=["Which?"])) as server:
        assert ask("--server", server.url) == (0, "The tide comes in.\n", "")
        assert ask("--server", server.url, "--think", "--thought") == (0, "Which?\n", "")
        _, shown, _ = ask("--server", server.url, "--json")
    answer = json.loads(shown)
    assert (answer["model"], answer["thought"]) == (MODEL, "Which?")
    assert answer["settings"]["device"] == f"{server.url}/v1"


def test_an_answer_cut_at_256_tokens_is_explained_on_stderr(ask: Ask) -> None:
    with FakeChatServer(vllm_stream(["word"], finish="length", tokens=256)) as server:
        code, out, err = ask("--server", server.url)
    assert (code, out) == (0, "word\n")
    assert "cut the answer at 256 tokens" in err
    assert "--override-generation-config" in err


def test_settings_that_mean_nothing_to_a_server_are_named(ask: Ask) -> None:
    with FakeChatServer(vllm_stream(["Hi."])) as server:
        _, _, err = ask("--server", server.url, "--steps", "8", "--seed", "7")
    assert err == "dgchat: the server has its own steps, seed: not sent\n"


@pytest.mark.parametrize(
    ("server", "code", "words"),
    [
        (FakeChatServer(key="other"), 1, "DGCHAT_SERVER_KEY"),
        (FakeChatServer(models=("a", "b")), 3, "name one of a, b"),
        (FakeChatServer(status=500, body='{"error": "CUDA \\u001b[31m error"}'), 1, "500: CUDA ␛[31m error"),
        (FakeChatServer(status=404, body='{"message": "no model x"}'), 3, "no model x"),
        (FakeChatServer(vllm_stream(["One."])[:2], is_cut=True), 1, "in the middle"),
        (FakeChatServer(["data: {\n\n"]), 1, "no JSON"),
    ],
)
def test_each_failure_of_a_server_is_one_line_and_an_exit_code(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, server: FakeChatServer, code: int, words: str
) -> None:
    monkeypatch.setenv("DGCHAT_SERVER_KEY", KEY)
    with server:
        shown = ask("--server", server.url)
    assert shown[:2] == (code, "")
    assert words in shown[2]
    assert shown[2].count("\n") == 1
    assert KEY not in shown[2]


def test_a_one_shot_over_a_server_needs_no_torch() -> None:
    with FakeChatServer(vllm_stream(["Hi."])) as server:
        code = f"from dgchat.cli import run\nimport sys\nrun(['-p', 'x', '--server', '{server.url}'])\n"
        shown = subprocess.run(
            [sys.executable, "-c", f"{code}print('torch' in sys.modules)"],
            capture_output=True,
            text=True,
            check=True,
        )
    assert shown.stdout == "Hi.\nFalse\n"


def test_a_variable_chooses_the_server_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeChatServer(vllm_stream(["Hi."])) as server:
        monkeypatch.setenv("DGCHAT_SERVER", server.url)
        assert run_dgchat("--prompt", "hello").stdout == b"Hi.\n"
