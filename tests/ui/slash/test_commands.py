"""Slash commands and the palette, on the screen."""

from __future__ import annotations

import pytest

from dgchat.session.commands import COMMANDS
from dgchat.ui.slash.commands import ChatCommands
from dgchat.ui.widgets.answer_view import AnswerView
from dgchat.ui.widgets.user_message import UserMessage
from scripted_engine import ScriptedEngine


async def test_every_command_of_the_table_does_something(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        assert set(ChatCommands(chat.app.chat).handlers) == {command.name for command in COMMANDS}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/steps 12", "12 steps"),
        ("/tokens 50", "64 tokens, 2 canvases"),
        ("/seed 7", "seed 7"),
        ("/seed fresh", "a fresh seed"),
        ("/think on", "thinks first"),
        ("/alternatives on", "likeliest tokens are recorded"),
        ("/alternatives off", "not recorded"),
        ("/system be brief", "from the next turn on"),
        ("/theme paper", "theme paper"),
        ("/stpes", "did you mean /steps"),
        ("/undo it", "takes no argument"),
    ],
)
async def test_a_command_answers_in_one_quiet_line(open_chat, typed, told):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send(typed)
        assert told in chat.hint


async def test_a_mistyped_command_stays_in_the_box(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("/hlep")
        assert chat.box.text == "/hlep"
        assert engine.requests == []


@pytest.mark.parametrize(
    "typed", ["/steps 99", "/tokens many", "/seed -1", "/think maybe", "/theme mud", "/retry"]
)
async def test_a_wrong_argument_is_told_in_the_transcript(open_chat, typed):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send(typed)
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))


async def test_continue_goes_on_with_a_cut_answer_in_one_text(open_chat):
    engine = ScriptedEngine(answer="word " * 40)
    async with open_chat(engine) as chat:
        await chat.send("/tokens 32")
        await chat.send("hello")
        await chat.until_settled(1)
        first = chat.session.turns[0].text
        assert chat.session.turns[0].is_cut
        await chat.send("/continue")
        await chat.until(lambda: chat.session.turns[0].begun == first)
        await chat.until(lambda: len(chat.app.chat.query(AnswerView)) == 1)
        assert [message.role for message in engine.requests[1].messages] == ["user", "assistant"]
        assert engine.requests[1].messages[-1].text == first
        (turn,) = chat.session.turns
        assert turn.text.startswith(first)
        assert len(turn.text) > len(first)
        await chat.send("/undo")
        await chat.until(lambda: not chat.app.chat.query(UserMessage))
        assert not chat.app.chat.query(AnswerView)


async def test_an_answer_that_was_not_cut_cannot_go_on(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("hello")
        await chat.until_settled(1)
        await chat.send("/continue")
        await chat.until(lambda: bool(chat.app.chat.query("Notice.-error")))
        assert len(engine.requests) == 1


async def test_undo_takes_the_turn_back_and_its_prompt_returns(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("hello")
        await chat.until_settled()
        await chat.send("/undo")
        assert chat.session.turns == []
        assert chat.box.text == "hello"
        assert not chat.app.chat.query(UserMessage)


async def test_stats_speak_of_the_last_answer(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("hello")
        await chat.until_settled()
        await chat.send("/stats")
        assert "per forward" in chat.said


async def test_new_forgets_and_clear_only_wipes_the_screen(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("hello")
        await chat.until_settled()
        await chat.send("/clear")
        assert chat.said == ""
        assert len(chat.session.turns) == 1
        await chat.send("/new")
        assert chat.session.turns == []


async def test_system_and_thinking_go_into_the_next_request(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("/system be brief")
        await chat.send("/think on")
        await chat.send("hello")
        await chat.until_settled()
        assert engine.requests[0].messages[0].text == "be brief"
        assert engine.requests[0].thinking


async def test_a_new_theme_recolours_an_answer_that_is_being_written(open_chat):
    async with open_chat(ScriptedEngine(steps=48, step_seconds=0.02)) as chat:
        await chat.send("hello")
        await chat.until(lambda: bool(chat.answers) and chat.answers[0].num_drawn_steps > 1)
        await chat.send("/theme paper")
        await chat.pilot.pause(0.1)
        await chat.pilot.press("escape")
        await chat.until_settled()
        assert chat.app.theme == "paper"


async def test_the_palette_runs_the_commands_of_the_table(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press("ctrl+p")
        await chat.until(lambda: "/clear" in chat.screen_text)
        await chat.type("steps")
        await chat.until(lambda: "/clear" not in chat.screen_text)
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.app.screen is chat.app.chat)
        await chat.until(lambda: chat.box.text == "/steps ")
        assert chat.box.has_focus
