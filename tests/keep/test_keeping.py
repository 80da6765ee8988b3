"""`--keep`: the second one-shot finds what the first has loaded; what goes wrong with that is not seen."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dgchat.keep.talk import HERE, hear, say
from dgchat.posix import CAN_KEEP, connect
from dgchat_process import run_dgchat, run_scripted, scripted_command
from kept_models import FOREVER, eventually, is_alive, keep, kept, socket_in
from scripted_engine import ANSWER

pytestmark = pytest.mark.skipif(not CAN_KEEP, reason="only POSIX can keep a process")


def test_the_second_call_finds_the_model_of_the_first() -> None:
    one = keep()
    done = run_scripted("--prompt", "hello", load_seconds=FOREVER)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, ANSWER + "\n", b"")
    assert [other["pid"] for other in kept()] == [one["pid"]]


def test_a_stream_is_the_same_with_a_kept_engine() -> None:
    asked = ("--prompt", "hello", "--seed", "4", "--jsonl", "--alternatives")
    plain = run_scripted(*asked).stdout.decode().splitlines()
    assert "alternatives" in json.loads(plain[2])
    keep()
    kept_lines = run_scripted(*asked, load_seconds=FOREVER).stdout
    assert kept_lines.decode().splitlines() == plain


def test_with_keep_0_a_call_loads_its_own() -> None:
    keep()
    assert run_scripted("--prompt", "hello", "--keep", "0", answer="my own").stdout == b"my own\n"


@pytest.mark.parametrize("flags", [("--device", "cpu"), ("--context", "100"), ("--model", "/tmp")])
def test_another_model_device_or_context_is_another_engine(flags: tuple[str, ...]) -> None:
    keep()
    assert run_scripted("--prompt", "hello", *flags, answer="my own").stdout == b"my own\n"


def test_nobody_else_can_reach_it(folder: Path) -> None:
    keep()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert socket_in(folder).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o710])
def test_what_was_opened_to_others_is_private_again_and_that_is_said(folder: Path, mode: int) -> None:
    keep()
    folder.chmod(mode)
    socket_in(folder).chmod(0o666)
    done = run_scripted("--prompt", "hello", load_seconds=FOREVER)
    assert (done.returncode, done.stdout.decode()) == (0, ANSWER + "\n")
    assert [
        line.endswith("was open to others and is private again") for line in done.stderr.decode().splitlines()
    ] == [
        True,
        True,
    ]
    assert (folder.stat().st_mode & 0o777, socket_in(folder).stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_second_call_connects_once(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        keep()
        path = socket_in(folder)
        path.rename(folder / "keeper")
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()
        command = scripted_command("--prompt", "hello", load_seconds=FOREVER)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        visitor = listening.accept()[0]
        with visitor, socket.socket(socket.AF_UNIX) as keeper:
            keeper.connect(str(folder / "keeper"))
            pass_on(visitor, keeper)
        assert process.communicate(timeout=30) == (f"{ANSWER}\n".encode(), b"")
        listening.settimeout(0)
        with pytest.raises(BlockingIOError):
            listening.accept()
        (folder / "keeper").rename(path)


def pass_on(one: socket.socket, other: socket.socket) -> None:
    """What each says to the other, until one of them has said all."""
    while True:
        for speaking in select.select([one, other], [], [], 20)[0]:
            said = speaking.recv(65_536)
            if not said:
                return
            (other if speaking is one else one).sendall(said)


def test_ps_shows_it_and_stop_ends_it() -> None:
    one = keep()
    assert (one["model"], one["device"], one["state"]) == ("scripted 1M", "cpu", "idle")
    assert 0 < one["expires_in_seconds"] <= 60
    head, row = run_dgchat("ps").stdout.decode().splitlines()
    assert head.split() == ["pid", "model", "device", "state", "age", "idle", "expires"]
    assert row.split()[:3] == [str(one["pid"]), "scripted", "1M"]
    assert run_dgchat("stop", "1").returncode == 1
    assert run_dgchat("stop", str(one["pid"])).returncode == 0
    assert not is_alive(one["pid"])
    assert run_dgchat("ps").stdout == b""
    done = run_dgchat("stop")
    assert (done.returncode, done.stderr) == (1, b"dgchat: no model is kept (dgchat ps lists them)\n")


def test_it_is_gone_after_its_time(folder: Path) -> None:
    one = keep()
    assert run_scripted("--prompt", "hello", "--keep", "1s", load_seconds=FOREVER).returncode == 0
    eventually(lambda: not is_alive(one["pid"]))
    assert list(folder.glob("*.sock")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_no_socket(folder: Path, number: signal.Signals) -> None:
    one = keep()
    os.kill(one["pid"], number)
    eventually(lambda: not is_alive(one["pid"]))
    assert list(folder.glob("*.sock")) == []


def test_a_crash_is_not_seen(folder: Path) -> None:
    one = keep()
    os.kill(one["pid"], signal.SIGKILL)
    eventually(lambda: not is_alive(one["pid"]))
    assert socket_in(folder).exists()
    done = run_scripted("--prompt", "hello", "--keep", "60s", answer="anew")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"anew\n", b"")
    (other,) = kept()
    assert other["pid"] != one["pid"]


def test_what_a_crash_left_behind_is_taken_away(folder: Path) -> None:
    one = keep()
    os.kill(one["pid"], signal.SIGKILL)
    eventually(lambda: not is_alive(one["pid"]))
    assert kept() == []
    assert list(folder.glob("*.sock")) == []


@pytest.mark.parametrize("nonsense", [b"", b"\xff not JSON\n", HERE.encode(), HERE.encode() + b"\xff\n"])
def test_a_keeper_that_hangs_up_or_talks_nonsense_is_not_seen(folder: Path, nonsense: bytes) -> None:
    one = keep()
    path = socket_in(folder)
    os.kill(one["pid"], signal.SIGKILL)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as false:
        false.bind(str(path))
        path.chmod(0o600)
        false.listen()
        command = scripted_command("--prompt", "hello", answer="my own")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        connection = false.accept()[0]
        connection.recv(1000)
        connection.sendall(nonsense)
        connection.close()
        assert process.communicate(timeout=30) == (b"my own\n", b"")


def test_an_error_of_the_engine_is_told_and_the_model_stays() -> None:
    one = keep("--steps", "4", fail_at_step=8)
    done = run_scripted("--prompt", "hello", load_seconds=FOREVER)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"dgchat: The engine broke. (ask again)\n")
    assert run_scripted("--prompt", "hello", "--steps", "4", load_seconds=FOREVER).returncode == 0
    assert [other["pid"] for other in kept()] == [one["pid"]]


def test_a_load_that_fails_is_told_as_ever() -> None:
    done = run_dgchat("--prompt", "hello", "--keep", "60s", "--model", "/no/such/folder")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"/no/such/folder" in done.stderr
    assert done.stderr.count(b"\n") == 1
    eventually(lambda: kept() == [])


def slow_call(*arguments: str) -> subprocess.Popen[bytes]:
    command = scripted_command("--prompt", "hello", "--jsonl", *arguments)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def lines_until(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    assert process.stdout is not None
    while wanted not in process.stdout.readline():
        assert process.poll() is None


def test_ctrl_c_keeps_the_draft_and_the_model() -> None:
    one = keep(step_seconds=0.05)
    process = slow_call("--max-tokens", "96")
    lines_until(process, b'"step":3,')
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["finish_reason"] == "cancelled"
    assert [other["pid"] for other in kept()] == [one["pid"]]


def test_who_leaves_stops_the_answer() -> None:
    keep(step_seconds=0.3)
    process = slow_call()
    lines_until(process, b'"step":2,')
    assert kept()[0]["state"] == "answering"
    process.kill()
    process.wait()
    eventually(lambda: kept()[0]["state"] == "idle", seconds=2)


def test_others_wait_and_say_so() -> None:
    keep(step_seconds=0.1)
    first = slow_call("--seed", "1")
    lines_until(first, b'"step":2,')
    second = run_scripted("--prompt", "hello", load_seconds=FOREVER)
    assert second.stdout.decode() == ANSWER + "\n"
    assert second.stderr == b"dgchat: waiting: the kept model is answering somebody else\n"
    assert first.wait(timeout=10) == 0


def test_a_visitor_who_speaks_another_language_is_cut_off(folder: Path) -> None:
    keep()
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe\n", b"[]\n", b'{"ask":"all"}\n'):
        with connect(socket_in(folder), 5.0) as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""
    with connect(socket_in(folder), 5.0) as connection:
        say(connection, {"ask": "engine", "keep_seconds": None})
        told = hear(connection)
        assert next(told) + b"\n" == HERE.encode()
        assert b"ready" in next(told)
        connection.sendall(b'{"request":{"messages":3}}\n')
        assert b'"event":"error"' in next(told)
    assert len(kept()) == 1


def test_a_pipe_ends_with_the_answer_though_the_keeper_stays() -> None:
    command = scripted_command("--prompt", "hello", "--keep", "60s")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        assert process.stdout.read().decode() == ANSWER + "\n"
    assert len(kept()) == 1


def test_a_call_that_finds_a_kept_model_imports_neither_torch_nor_the_hub() -> None:
    keep()
    code = (
        "import sys\nfrom dgchat.cli import run\n"
        "assert run(['--prompt', 'hello']) == 0\n"
        "sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stdout.decode() == ANSWER + "\n"
    assert not set(done.stderr.decode().split()) & {"torch", "textual", "huggingface_hub", "numpy", "rich"}


def test_where_it_cannot_be_done_it_is_said_and_the_answer_comes(folder: Path) -> None:
    folder.rmdir()
    folder.symlink_to(tempfile.gettempdir())
    done = run_scripted("--prompt", "hello", "--keep", "60s")
    folder.unlink()
    assert (done.returncode, done.stdout.decode()) == (0, ANSWER + "\n")
    assert done.stderr.startswith(b"dgchat: the model is not kept: ")
    assert done.stderr.count(b"\n") == 1


def test_a_path_too_long_for_a_socket_is_said(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("DGCHAT_RUNTIME_DIR", str(folder / ("x" * 120)))
    done = run_scripted("--prompt", "hello", "--keep", "60s")
    assert (done.returncode, done.stdout.decode()) == (0, ANSWER + "\n")
    assert done.stderr.startswith(b"dgchat: the model is not kept: ")


def test_nobody_else_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as others:
        others.bind(str(folder / "others.sock"))
        others.listen()
        connect(folder / "others.sock").close()
        mine = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: mine + 1)
        with pytest.raises(PermissionError):
            connect(folder / "others.sock")
