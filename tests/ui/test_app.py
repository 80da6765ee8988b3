"""The application around the chat: ctrl+c over another screen, and the exit code."""

from __future__ import annotations

import sys
from functools import partialmethod

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from dgchat.errors import CheckpointError
from dgchat.session.loading import Loading
from dgchat.settings import Settings
from dgchat.ui.app import DgchatApp
from dgchat.ui.run import run_app
from scripted_engine import ScriptedEngine

OVER_THE_CHAT = pytest.mark.parametrize("key", ["f1", "ctrl+p"], ids=["help", "palette"])


@OVER_THE_CHAT
async def test_ctrl_c_over_another_screen_closes_it_and_keeps_the_prompt(open_chat, key):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.type("half a prompt")
        await chat.pilot.press(key)
        await chat.until(lambda: chat.app.screen is not chat.app.chat)
        await chat.pilot.press("ctrl+c")
        await chat.until(lambda: chat.app.screen is chat.app.chat)
        assert chat.box.text == "half a prompt"
        assert chat.app.is_running


@OVER_THE_CHAT
async def test_ctrl_c_over_another_screen_stops_the_answer_and_twice_quits(open_chat, key):
    async with open_chat(ScriptedEngine(steps=48, step_seconds=0.1)) as chat:
        await chat.send("a long one")
        await chat.until(lambda: chat.session.running is not None)
        turn = chat.session.running
        await chat.pilot.press(key)
        await chat.until(lambda: chat.app.screen is not chat.app.chat)
        await chat.pilot.press("ctrl+c")
        assert turn.cancelled.is_set()
        await chat.pilot.press("ctrl+c")
        await chat.until(lambda: not chat.app.is_running)


async def test_ctrl_c_in_the_palette_copies_what_is_selected_there(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press("ctrl+p")
        await chat.until(lambda: CommandPalette.is_open(chat.app))
        await chat.pilot.press("s", "t", "shift+home", "ctrl+c")
        assert chat.app.clipboard == "st"
        assert CommandPalette.is_open(chat.app)


def test_leaving_a_chat_whose_model_could_not_be_loaded_tells_so_in_the_exit_code(monkeypatch, tmp_path):
    def load(loading: Loading) -> ScriptedEngine:
        raise CheckpointError("There is no folder here.")

    assert _exit_code_of_a_chat(monkeypatch, tmp_path, load) == CheckpointError.exit_code


def test_leaving_a_chat_with_a_model_is_no_failure(monkeypatch, tmp_path):
    assert _exit_code_of_a_chat(monkeypatch, tmp_path, ScriptedEngine) == 0


def _exit_code_of_a_chat(monkeypatch, tmp_path, load) -> int:
    """What leaving with ctrl+q returns, once the model is there or failed."""

    async def leave(pilot: Pilot[None]) -> None:
        while pilot.app.chat.session.is_loading:
            await pilot.pause(0.01)
        await pilot.press("ctrl+q")

    monkeypatch.setenv("DGCHAT_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("dgchat.ui.run.install_safe_paste", lambda: None)
    monkeypatch.setattr(DgchatApp, "run", partialmethod(_run, leave))
    return run_app(Settings(pace="live"), load)


def _run(app: DgchatApp, leave) -> None:
    super(DgchatApp, app).run(headless=True, size=(80, 24), auto_pilot=leave)
