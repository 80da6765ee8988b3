"""Every payload on every surface, in a real pty: nothing is told that the program does not mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import pytest

from dgchat_process import scripted_command
from faults.payloads import ON_ONE_LINE, PASTED, PAYLOADS, TAGS, num_shown, on_lines
from faults.terminal_grammar import forbidden, shown_words
from pty_process import PtyProcess

QUIET_SECONDS = 0.2
PATIENCE_SECONDS = 15.0
MOST = len(TAGS) - 6
"""So many payloads are seen at least where a surface has room for all; a few it may cut."""
SURFACES: list[str] = []
"""Those that were looked at."""


@dataclass
class Watch:
    """A process at a terminal, surface by surface."""

    process: PtyProcess
    copies: list[str] = field(default_factory=list)
    leaks: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)

    def surface(self, name: str, *keys: str, paste: str = "", until: str = "", at_least: int = 1) -> None:
        """Press and paste, wait until that is drawn and nothing moves, and look at what was written."""
        begun = monotonic()
        if paste:
            self.process.paste(paste)
            self._wait_for_words(begun, 1)  # a key on its heels might clear what was not drawn yet
        for key in keys:
            self.process.press(key)
            self._settle()
        if until:
            self.process.wait_for(until, since=begun)
        self._wait_for_words(begun, at_least)
        self._settle()
        self.look(name, self.process.since(begun), at_least)

    def look(self, name: str, written: bytes, at_least: int = 1) -> None:
        """Judge what was written for a surface."""
        self.shown[name] = num_shown(shown_words(written)) - at_least
        self.leaks[name] = forbidden(written, copies=self.copies)

    def check(self) -> None:
        """Nothing forbidden was written, and each surface has shown what it was given."""
        SURFACES.extend(self.leaks)
        assert {name: leaks for name, leaks in self.leaks.items() if leaks} == {}
        assert {name: count for name, count in self.shown.items() if count < 0} == {}

    def _wait_for_words(self, begun: float, at_least: int) -> None:
        deadline = monotonic() + PATIENCE_SECONDS
        while num_shown(shown_words(self.process.since(begun))) < at_least and monotonic() < deadline:
            sleep(0.05)

    def _settle(self) -> None:
        deadline = monotonic() + 20
        while monotonic() < deadline:
            before = len(self.process.chunks)
            sleep(QUIET_SECONDS)
            if len(self.process.chunks) == before and before:
                return


@contextmanager
def watching(*arguments: str, size: tuple[int, int] = (200, 60), **script: object) -> Iterator[Watch]:
    process = PtyProcess(scripted_command(*arguments, **script), size=size)
    try:
        yield Watch(process)
    finally:
        process.close()


def look_at_chat(without: str | None = None) -> Watch:
    """The chat with hostile answers, prompts, titles, names: one surface after the other."""
    script = {"answer": on_lines(), "steps": 6, "step_seconds": 0.05, "thought": ON_ONE_LINE}
    names = {"model": "m " + ON_ONE_LINE, "choice": "chosen " + ON_ONE_LINE}
    long = {"canvas_length": 256, "max_new_tokens": 1024}
    with watching("--pace", "live", "--title", without=without, **script, **names, **long) as watch:
        watch.surface("welcome, model and choice", until="ready in", at_least=MOST)
        watch.surface("prompt box", paste=PASTED, at_least=MOST)
        watch.surface("message, live canvas, answer", "\r", until="tok/s", at_least=MOST)
        watch.surface("rename", paste="/rename " + ON_ONE_LINE[:300].replace("\r", ""))
        watch.surface("title bar and terminal title", "\r")
        watch.surface("system text", "\r", paste="/system " + PASTED)
        watch.surface("compared answers", "/retry 4\r", until="byte for byte", at_least=MOST)
        watch.surface("kept", "\x1b", at_least=MOST)
        watch.surface("replay", "/replay\r", at_least=MOST)
        watch.surface("token inspector", "\x1b[C", "\t", "\x1b[B", at_least=0)
        watch.surface("back", "\x1b", at_least=0)
        watch.surface("picker and preview", "/resume\r", at_least=MOST - 6)
        watch.surface("search in the picker", "z07q")
        watch.surface("chat again", "\x1b")
        watch.surface("prompt history", "\x12", "z")
        watch.surface("history closed", "\x1b", at_least=0)
        watch.copies += [on_lines(), on_lines().strip()]
        watch.surface("copy", "/copy\r", at_least=0)
        watch.surface("unknown command", "\r", paste="/" + PASTED)
        watch.surface("left", "\x11", at_least=0)
    return watch


def test_the_chat_leaks_nothing():
    look_at_chat().check()


def test_names_of_files_and_errors_of_the_engine_leak_nothing(tmp_path: Path, monkeypatch):
    for number, text in enumerate(PAYLOADS):
        name = "".join(letter for letter in f"{number}{text}" if letter not in "/\0\ud800")
        (tmp_path / name[:100]).write_text("x")
    monkeypatch.chdir(tmp_path)
    broken = {"fail_at_step": 1, "raises": "RuntimeError", "words": ON_ONE_LINE}
    with watching("--pace", "live", **broken) as watch:
        watch.process.wait_for("ready in")
        watch.surface("names of files", "@")
        watch.surface("more names", "2", at_least=0)
        watch.surface("closed", "\x1b", "\x03", at_least=0)
        watch.surface("error of the engine", "hello\r", until="RuntimeError", at_least=MOST)
    watch.check()


def test_a_model_that_cannot_be_loaded_leaks_nothing():
    with watching("--pace", "live", unloadable=ON_ONE_LINE, plan=ON_ONE_LINE) as watch:
        watch.process.wait_for("z43q")
        watch._settle()
        watch.look("error of loading", watch.process.written, MOST)
        watch.surface("error at a prompt", "hello\r", at_least=0)
    watch.check()


LINES: dict[str, tuple[tuple[str, ...], dict[str, object], str]] = {
    "one-shot": (("--prompt", "hi", "--seed", "7"), {"answer": on_lines(), "canvas_length": 256}, ""),
    "one-shot that fails": (("--prompt", "hi"), {"fail_at_step": 1, "raises": "OSError"}, ""),
    "plain": (("--plain",), {"answer": on_lines(), "canvas_length": 256, "model": ON_ONE_LINE}, "hi\r\x04"),
    "plain that fails": (("--plain",), {"unloadable": ON_ONE_LINE}, ""),
    "flag": (("--" + ON_ONE_LINE.replace("\0", ""),), {}, ""),
    "model": (
        ("--model", "/x/" + ON_ONE_LINE.replace("\0", ""), "--prompt", "x"),
        {"unloadable": ON_ONE_LINE},
        "",
    ),
    "theme": (("--theme", ON_ONE_LINE.replace("\0", "")), {}, ""),
    "command": ((ON_ONE_LINE.replace("\0", ""),), {}, ""),
}


@pytest.mark.parametrize("name", LINES)
def test_lines_of_text_leak_nothing(name: str):
    arguments, script, typed = LINES[name]
    if "raises" in script:
        script = {**script, "words": ON_ONE_LINE}
    with watching(*arguments, **script) as watch:
        if typed:
            watch.process.wait_for("You: ")
            watch.process.press(typed)
        watch.process.exit_code()
        watch.look(name, watch.process.written, 1 if name in ("flag", "theme") else MOST)
    watch.check()


@pytest.mark.parametrize("command", ["list", "show"])
def test_stored_conversations_leak_nothing(command: str):
    from conversations import converse
    from dgchat.session.store.store import Store, store_path

    store = Store(store_path())
    stored = converse(store, (ON_ONE_LINE, on_lines()))
    store.close()
    arguments = ("sessions", "list") if command == "list" else ("sessions", "show", stored.id)
    with watching(*arguments) as watch:
        watch.process.exit_code()
        watch.look(f"sessions {command}", watch.process.written, 1 if command == "list" else MOST)
    watch.check()


def test_there_are_25_payloads_and_15_surfaces():
    assert len(PAYLOADS) >= 25
    if "prompt box" in SURFACES:  # the tests above have run
        assert len(set(SURFACES)) >= 15
