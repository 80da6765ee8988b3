"""The chat as a process in a real pty: told to go, starved, resized, left alone, without a terminal."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from dgchat.session.store.store import Store, store_path
from dgchat_process import run_dgchat, scripted_command
from faults.chatters import stored_prompts
from pty_process import PtyProcess
from watched_chat import WatchedChat

GONE_SECONDS = 2.0
SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT")
OpenChat = Callable[..., PtyProcess]


@pytest.fixture
def open_chat() -> Iterator[OpenChat]:
    opened: list[PtyProcess] = []

    def open_it(**script: object) -> PtyProcess:
        opened.append(PtyProcess(scripted_command("--pace", "live", "--seed", "7", **script)))
        opened[-1].wait_for("ready in")
        return opened[-1]

    yield open_it
    for chat in opened:
        chat.close()


def told_to_go(open_chat: OpenChat, name: str, moment: float) -> None:
    """A chat that is told to go that many seconds after a prompt was sent, and what must then hold."""
    chat = open_chat(steps=48, step_seconds=0.05)
    prompt = f"{name} {moment:.3f}"
    sent = chat.press(f"{prompt}\r")
    chat.wait_for("settled", since=sent)  # its first step is drawn, so it is on the disk
    sleep(moment)
    told = chat.send(getattr(signal, name))
    assert chat.exit_code() == 128 + getattr(signal, name)
    assert monotonic() - told <= GONE_SECONDS
    assert chat.modes_left_on() == []
    assert b"Traceback" not in chat.written
    store = Store(store_path())
    assert prompt in stored_prompts(store)
    store.close()


@pytest.mark.parametrize("name", SIGNALS)
def test_told_to_go_the_modes_are_reset_and_the_last_message_is_on_the_disk(open_chat, name):
    told_to_go(open_chat, name, moment=0.3)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SIGNALS)
def test_told_to_go_20_times_at_random_moments(open_chat, name):
    moments = random.Random(name)
    for _ in range(20):
        told_to_go(open_chat, name, moments.uniform(0, 2.0))


@pytest.mark.slow
def test_quitting_in_the_middle_of_a_step_takes_at_most_two_seconds(open_chat):
    chat = open_chat(steps=48, step_seconds=30.0)
    chat.press("hello\r")
    chat.wait_for("first step")
    quit_at = chat.press("\x11")
    assert chat.exit_code() == 0
    assert monotonic() - quit_at <= GONE_SECONDS
    assert chat.modes_left_on() == []


def test_a_terminal_that_is_gone_ends_the_chat_and_nothing_spins(open_chat):
    chat = open_chat(steps=48, step_seconds=0.05)
    chat.press("hello\r")
    chat.wait_for("settled")
    os.close(chat.fileno)
    chat.fileno = os.open(os.devnull, os.O_RDWR)
    gone = monotonic()
    chat.exit_code(seconds=10)
    assert monotonic() - gone <= GONE_SECONDS


def test_a_crash_on_the_screen_is_one_line_without_the_prompt(open_chat, tmp_path: Path):
    chat = open_chat(steps=4, without="a screen that works")
    chat.press("my secret words\r")
    assert chat.exit_code() == 1
    last = chat.written.rpartition(b"\x1b[?1049l")[2].decode()
    assert "dgchat broke: ZeroDivisionError in dgchat/" in last
    assert "dgchat --pace live --seed 7" in last
    (file,) = (tmp_path / "data" / "crashes").iterdir()
    for told in (last, file.read_text()):
        assert "secret" not in told
        assert "Traceback" not in told
    assert chat.modes_left_on() == []
    store = Store(store_path())
    assert "my secret words" in stored_prompts(store)
    store.close()


def test_without_a_terminal_it_is_one_line_and_exit_code_2_within_two_seconds():
    run_dgchat("--version")  # whatever has to be compiled first
    started = monotonic()
    done = run_dgchat()
    assert monotonic() - started <= GONE_SECONDS
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr


def test_200_changes_of_size_in_two_seconds_are_few_layouts_and_bytes(tmp_path: Path):
    chat = WatchedChat(tmp_path, size=(80, 24), step_seconds=0.05)
    chat.wait_for("ready in")
    chat.press("tides?\r")
    chat.wait_for("cut at its limit")
    sleep(0.3)
    begun = monotonic()
    for number in range(199):
        chat.resize(60 + number % 60, 20 + number % 20)
        sleep(max(0.0, begun + 0.01 * (number + 1) - monotonic()))
    chat.resize(100, 42)
    chat.wait_for("\x1b[42;", since=begun)  # no size before had so many rows
    while chat.bytes_between(monotonic() - 0.5, monotonic()):
        sleep(0.05)
    ended = monotonic()
    written = chat.bytes_between(begun, ended)
    sizes = [size for at, size in chat.leave().layouts if begun <= at <= ended]
    assert 1 <= len(sizes) <= 40
    assert sizes[-1] == [100, 42]
    assert written <= 500_000


def test_a_chat_that_is_left_alone_writes_next_to_nothing(open_chat):
    chat = open_chat(steps=2)
    chat.press("hello\r")
    chat.wait_for("seed 7")
    sleep(1.0)
    begun = monotonic()
    sleep(4.0)
    assert chat.bytes_between(begun, monotonic()) <= 4 * 100


@pytest.mark.usefixtures("needs_bundled_model")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_same_seed_gives_the_same_answer_20_of_20_with_the_screen_on_and_off():
    runs = 10
    flags = ("--seed", "11", "--max-tokens", "64")
    prompt, texts = "Tell me about the sea.", []
    for _ in range(runs):
        done = run_dgchat(*flags, "--prompt", prompt, "--json")
        texts.append(json.loads(done.stdout)["text"])
        chat = PtyProcess([sys.executable, "-m", "dgchat", *flags])
        chat.wait_for("ready in")
        sent = chat.press(f"{prompt}\r")
        chat.wait_for("seed 11", since=sent)
        chat.press("\x11")
        assert chat.exit_code() == 0
        chat.close()
        store = Store(store_path())
        conversation, _ = store.load(store.latest().id)
        texts.append(conversation.branch[-1].text)
        store.close()
    assert len(texts) == 2 * runs
    assert len(set(texts)) == 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_500_turns_with_cancels_and_resizes_leave_memory_descriptors_and_threads_as_they_were(open_chat):
    soak(open_chat, turns=500)


def soak(open_chat: OpenChat, turns: int) -> None:
    """So many turns, each tenth cancelled and each tenth with another size; figures of the first tenth and
    of the end.
    """
    chat = open_chat(steps=4, step_seconds=0.02)
    figures: list[tuple[int, int, int]] = []
    for number in range(turns):
        if number % 10 == 5:
            chat.resize(70 + number % 40, 20 + number % 15)
        if number % 10 == 7:
            chat.press(f"cancel {number}\r\x1b")
        else:
            chat.press(f"turn {number}\r")
        wait_until(lambda ended=number + 1: num_ended_turns() >= ended)
        sleep(0.2)  # the screen takes the answer in
        if number in (turns // 5, turns - 1):
            sleep(2)
            figures.append(process_figures(chat.child))
        if number % 50 == 0:
            del chat.chunks[:-50]
            chat.press("/new\r")
            sleep(0.3)
    print(f"\nsoak: {turns} turns, (KiB, descriptors, threads): {figures}")  # noqa: T201 - for the README
    (memory, files, threads), (memory_now, files_now, threads_now) = figures
    assert (files_now, threads_now) == (files, threads)
    assert memory_now <= 1.05 * memory
    assert b"Traceback" not in chat.written
    chat.press("\x11")
    assert chat.exit_code() == 0


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not holds():
        assert monotonic() < deadline, "waited in vain"
        sleep(0.02)


def num_ended_turns() -> int:
    connection = sqlite3.connect(store_path())
    (count,) = connection.execute("SELECT count(reason) FROM turns").fetchone()
    connection.close()
    return count


def process_figures(pid: int) -> tuple[int, int, int]:
    """Resident KiB, open descriptors and threads of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0])
    folder = Path(f"/proc/{pid}")
    return resident, len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))
