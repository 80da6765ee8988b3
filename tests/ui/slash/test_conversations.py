"""Conversations that are there again: resumed, branched, renamed, deleted, written to files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from conversations import asked, converse
from dgchat.session.past import PastWanted
from dgchat.session.store.store import Store, store_path
from dgchat.settings import Settings
from dgchat.ui.run import go_on_with, make_session
from dgchat.ui.screens.picker import ConversationPicker
from dgchat.ui.widgets.answer_text import AnswerText
from dgchat.ui.widgets.title_bar import TitleBar
from scripted_engine import ScriptedEngine


def stored(*exchanges: tuple[str, str]) -> str:
    """A conversation of an earlier run; its id."""
    store = Store(store_path())
    conversation = converse(store, *exchanges)
    store.close()
    return conversation.id


def answers_of(chat) -> list[str]:
    return [text.source for text in chat.app.chat.query(AnswerText)]


async def test_an_answer_is_on_the_disk_before_it_is_on_the_screen(open_chat):
    async with open_chat(ScriptedEngine("Blue.", steps=2)) as chat:
        await chat.send("Which colour?")
        await chat.until_settled()
        store = Store(store_path())
        conversation, _ = store.load(store.latest().id)
        assert [(turn.prompt, turn.text) for turn in conversation.branch] == [("Which colour?", "Blue.")]
        assert len(conversation.branch[0].trace) == 2
        store.close()


async def test_resume_shows_the_conversation_and_the_model_remembers_it(open_chat):
    stored(("One?", "It is **one**."), ("Two?", "It is two."))
    engine = ScriptedEngine("three", steps=2)
    async with open_chat(engine) as chat:
        await chat.send("/resume two")
        await chat.until(lambda: answers_of(chat) == ["It is **one**.", "It is two."])
        assert "Two?" in chat.said
        assert chat.app.chat.query_one(TitleBar).topic == "One?"
        await chat.send("Three?")
        await chat.until(lambda: len(chat.session.turns) == 3)
        told = [message.text for message in engine.requests[0].messages]
        assert told == ["One?", "It is **one**.", "Two?", "It is two.", "Three?"]


async def test_a_chat_goes_on_with_the_last_conversation(open_chat):
    stored(("One?", "1"))
    session = make_session(Settings(), lambda loading: ScriptedEngine())
    go_on_with(session, PastWanted(""))
    assert [turn.text for turn in session.turns] == ["1"]
    session.close()


async def test_a_prompt_without_an_answer_is_in_the_box_again(open_chat):
    identity = stored(("One?", "1"))
    store = Store(store_path())
    conversation, _ = store.load(identity)
    store.add_turn(conversation, asked("And then?", conversation.leaf)).wait()
    store.close()
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send(f"/resume {identity}")
        await chat.until(lambda: chat.box.text == "And then?")
        assert "no answer yet" in chat.hint


async def test_what_is_not_found_is_said(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("/resume nowhere to be found")
        await chat.until(lambda: "No conversation is named" in chat.said)


async def test_an_edited_prompt_makes_a_version_and_branch_shows_the_other(open_chat):
    async with open_chat(ScriptedEngine(answer=None, steps=2)) as chat:
        for number, prompt in enumerate(("One?", "Two?", "Three?")):
            await chat.send(prompt)
            await chat.until_settled(number + 1)
        await chat.send("/edit 2")
        await chat.until(lambda: chat.box.text == "Two?")
        await chat.pilot.press("!", "enter")
        await chat.until(lambda: [turn.prompt for turn in chat.session.turns] == ["One?", "Two?!"])
        await chat.until_settled(2)
        assert "version 2 of 2" in chat.said
        assert "Three?" not in chat.said
        await chat.send("/branch")
        await chat.until(lambda: [turn.prompt for turn in chat.session.turns] == ["One?", "Two?", "Three?"])
        assert "Three?" in chat.said
        await chat.send("/branch 2 2")
        await chat.until(lambda: [turn.prompt for turn in chat.session.turns] == ["One?", "Two?!"])


async def test_esc_leaves_an_edited_prompt_as_it_was(open_chat):
    async with open_chat(ScriptedEngine(steps=2)) as chat:
        await chat.send("One?")
        await chat.until_settled()
        await chat.send("/edit")
        await chat.until(lambda: chat.box.text == "One?")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.box.text == "")
        await chat.send("Two?")
        await chat.until(lambda: [turn.prompt for turn in chat.session.turns] == ["One?", "Two?"])


async def test_an_edited_prompt_that_fails_brings_the_branch_back(open_chat):
    engine = ScriptedEngine("fine", steps=2)
    async with open_chat(engine) as chat:
        for number, prompt in enumerate(("One?", "Two?")):
            await chat.send(prompt)
            await chat.until_settled(number + 1)
        engine.fail_at_step = 1
        await chat.send("/edit 1")
        await chat.until(lambda: chat.box.text == "One?")
        await chat.pilot.press("enter")
        await chat.until(lambda: "The engine broke." in chat.said)
        await chat.until(lambda: answers_of(chat) == ["fine", "fine"])
        assert "Two?" in chat.said


async def test_what_was_retried_and_taken_back_can_be_reached_again(open_chat):
    async with open_chat(ScriptedEngine(answer=None, steps=2)) as chat:
        await chat.send("One?")
        await chat.until_settled()
        first = chat.session.turns[0]
        await chat.send("/retry")
        await chat.until(lambda: chat.session.turns != [first] and chat.session.running is None)
        await chat.until(lambda: "version 2 of 2" in chat.said)
        await chat.send("/undo")
        await chat.until(lambda: chat.session.turns == [])
        chat.box.text = ""
        await chat.send("/branch")
        await chat.until(lambda: chat.session.turns == [first])


async def test_a_new_title_is_shown_and_stored(open_chat):
    stored(("One?", "1"))
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("/resume one")
        await chat.until(lambda: len(chat.session.turns) == 1)
        await chat.send("/rename")
        await chat.until(lambda: chat.box.text == "/rename One?")
        await chat.send("/rename Counting")
        await chat.until(lambda: chat.app.chat.query_one(TitleBar).topic == "Counting")
        await chat.until(lambda: chat.session.store.latest().title == "Counting")


async def test_a_deleted_conversation_comes_back_with_undo(open_chat):
    stored(("One?", "1"))
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("/resume one")
        await chat.until(lambda: len(chat.session.turns) == 1)
        await chat.send("/delete")
        await chat.until(lambda: "/delete yes deletes “One?” (1 turn)" in chat.said)
        assert chat.session.turns
        await chat.send("/delete yes")
        await chat.until(lambda: chat.session.turns == [])
        await chat.until(lambda: chat.session.store.summaries() == [])
        await chat.send("/undo")
        await chat.until(lambda: answers_of(chat) == ["1"])
        assert len(chat.session.store.summaries()) == 1


async def test_save_writes_a_new_file_and_overwrites_none(open_chat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stored(("What is ../the tide?", "Water **moves**."))
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("/resume tide")
        await chat.until(lambda: len(chat.session.turns) == 1)
        for name in ("what-is-the-tide.md", "what-is-the-tide-2.md"):
            await chat.send("/save")
            await chat.until(lambda name=name: Path(name).exists())
        assert "Water **moves**." in Path("what-is-the-tide.md").read_text()
        await chat.send("/save all.json")
        await chat.until(Path("all.json").exists)
        await chat.until(lambda: "all.json" in chat.hint)
        assert json.loads(Path("all.json").read_text())["turns"][0]["answer"] == "Water **moves**."
        await chat.send("/export md notes")
        await chat.until(Path("notes").exists)
        await chat.send("/export notes.md")
        await chat.until(Path("notes.md").exists)
        await chat.send("/save all.json")
        await chat.until(lambda: "all.json is there already; nothing was written." in chat.said)


async def test_without_storing_nothing_is_stored_and_the_commands_say_why(open_chat):
    async with open_chat(ScriptedEngine(steps=2), Settings(pace="live", save=False)) as chat:
        await chat.send("One?")
        await chat.until_settled()
        await chat.send("/resume")
        await chat.until(lambda: "it runs with --no-save" in chat.said)
    assert not store_path().exists()


async def test_a_storage_that_cannot_be_is_one_line_and_the_chat_goes_on(open_chat, monkeypatch):
    monkeypatch.setenv("DGCHAT_DATA_DIR", "/dev/null/dgchat")
    async with open_chat(ScriptedEngine("fine", steps=2)) as chat:
        await chat.send("One?")
        await chat.until_settled()
        assert answers_of(chat) == ["fine"]
        assert "Conversations are not stored in /dev/null/dgchat" in chat.said


async def test_a_long_conversation_shows_its_end(open_chat):
    identity = stored(*[(f"prompt {number}", f"answer {number}") for number in range(60)])
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send(f"/resume {identity}")
        await chat.until(lambda: answers_of(chat)[-1:] == ["answer 59"])
        assert len(answers_of(chat)) < 20
        assert len(chat.session.turns) == 60


async def open_picker(chat) -> ConversationPicker:
    await chat.send("/resume")
    await chat.until(lambda: isinstance(chat.app.screen, ConversationPicker))
    return chat.app.screen


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_the_picker_lists_searches_and_resumes(open_chat, size):
    stored(("How do tides work?", "The moon pulls the water."))
    stored(("A haiku, please", "Autumn leaves drift down."))
    async with open_chat(ScriptedEngine(), size=size) as chat:
        await open_picker(chat)
        await chat.until(lambda: "A haiku, please" in chat.screen_text and "tides" in chat.screen_text)
        await chat.type("moon pul")
        await chat.until(lambda: "A haiku" not in chat.screen_text and "tides" in chat.screen_text)
        await chat.pilot.press("enter")
        await chat.until(lambda: answers_of(chat) == ["The moon pulls the water."])


async def test_keys_that_reach_the_picker_together_act_in_their_order(open_chat):
    stored(("How do tides work?", "The moon pulls the water."))
    async with open_chat(ScriptedEngine()) as chat:
        screen = await open_picker(chat)
        for key in ("o", "n", "n", "x", "backspace", "backspace", "e", "home", "s", "left", "n"):
            chat.app.post_message(events.Key(key, key if len(key) == 1 else None))
        line = screen.query_one(Input)
        await chat.until(lambda: len(line.value) == 5)
        assert line.value == "nsone"


async def test_arrows_choose_in_the_picker_and_the_preview_follows(open_chat):
    stored(("How do tides work?", "The moon pulls the water."))
    stored(("A haiku, please", "Autumn leaves drift down."))
    async with open_chat(ScriptedEngine()) as chat:
        await open_picker(chat)
        await chat.until(lambda: "Autumn leaves" in chat.screen_text)
        await chat.pilot.press("down")
        await chat.until(lambda: "The moon pulls" in chat.screen_text)
        await chat.pilot.press("enter")
        await chat.until(lambda: answers_of(chat) == ["The moon pulls the water."])


async def test_a_deletion_in_the_picker_is_asked_for_and_can_be_undone(open_chat):
    stored(("How do tides work?", "The moon."))
    async with open_chat(ScriptedEngine()) as chat:
        await open_picker(chat)
        await chat.until(lambda: "tides" in chat.screen_text)
        await chat.pilot.press("ctrl+d")
        await chat.until(lambda: "delete “How do tides work?”?" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: "ctrl+t rename" in chat.screen_text)
        await chat.pilot.press("ctrl+d", "enter")
        await chat.until(lambda: "ctrl+z brings it back" in chat.screen_text)
        assert chat.session.store.summaries() == []
        await chat.pilot.press("ctrl+z")
        await chat.until(lambda: "it is back" in chat.screen_text and "tides" in chat.screen_text)


async def test_the_picker_renames(open_chat):
    stored(("How do tides work?", "The moon."))
    async with open_chat(ScriptedEngine()) as chat:
        await open_picker(chat)
        await chat.until(lambda: "tides" in chat.screen_text)
        await chat.pilot.press("ctrl+t", "ctrl+u")
        await chat.type("Water")
        await chat.pilot.press("enter")
        await chat.until(lambda: "renamed" in chat.screen_text)
        assert [summary.title for summary in chat.session.store.summaries()] == ["Water"]


async def test_an_empty_picker_says_so_and_closes(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await open_picker(chat)
        await chat.until(lambda: "nothing is stored yet" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: not isinstance(chat.app.screen, ConversationPicker))


async def test_hostile_titles_and_texts_are_shown_as_marks(open_chat):
    stored(("[red]x\x1b]52;c;eA==\x07[/", "\x1b[2J [@click=app.quit]y"))
    async with open_chat(ScriptedEngine()) as chat:
        await open_picker(chat)
        await chat.until(lambda: "[@click=app.quit]y" in chat.screen_text)
        assert "\x1b" not in chat.screen_text
        assert "[red]x" in chat.screen_text


async def test_what_was_found_is_legible_in_the_list_beside_the_preview(open_chat):
    stored(("How do tides work?", "word " * 20 + "the needle lies here " + "word " * 20))
    async with open_chat(ScriptedEngine(), size=(100, 30)) as chat:
        await open_picker(chat)
        await chat.until(lambda: "tides" in chat.screen_text)
        await chat.type("needle")
        await chat.until(lambda: "1 found" in chat.screen_text)
        listed = [row.split("│")[0] for row in chat.screen_text.splitlines()[4:]]
        assert any("the needle lies" in row for row in listed), listed


async def test_a_new_name_of_the_present_conversation_stands_above_it(open_chat):
    identity = stored(("How do tides work?", "The moon."))
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send(f"/resume {identity}")
        await chat.until(lambda: answers_of(chat) == ["The moon."])
        await open_picker(chat)
        await chat.until(lambda: "ctrl+t" in chat.screen_text)
        await chat.pilot.press("ctrl+t", "ctrl+u")
        await chat.type("Water")
        await chat.pilot.press("enter")
        await chat.until(lambda: "renamed" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.chat.query_one(TitleBar).topic == "Water")
        assert chat.session.conversation.title == "Water"


async def test_the_present_conversation_deleted_in_the_picker_leaves_the_screen_and_undo_brings_it_back(
    open_chat,
):
    identity = stored(("How do tides work?", "The moon."))
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send(f"/resume {identity}")
        await chat.until(lambda: answers_of(chat) == ["The moon."])
        await open_picker(chat)
        await chat.until(lambda: "ctrl+t" in chat.screen_text)
        await chat.pilot.press("ctrl+d", "enter")
        await chat.until(lambda: "ctrl+z brings it back" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.until(lambda: answers_of(chat) == [] and not chat.session.turns)
        await chat.send("/undo")
        await chat.until(lambda: answers_of(chat) == ["The moon."])
        assert [summary.id for summary in chat.session.store.summaries()] == [identity]
