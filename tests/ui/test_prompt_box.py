"""The prompt as a reader types into it: lists, history, search, files, editor, pastes."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import pytest
from textual import events

from dgchat.paths import prompt_history_file
from dgchat.session.commands import COMMANDS
from dgchat.ui.safe_paste import PasteSafeParser
from dgchat.ui.widgets.suggestion_list import SuggestionList
from scripted_engine import ScriptedEngine


def listed(chat) -> list[str]:
    """The rows of the open list."""
    box = chat.app.chat.query_one(SuggestionList)
    if not box.has_class("-open"):
        return []
    return [str(box.get_option_at_index(row).prompt) for row in range(box.option_count)]


async def test_a_slash_opens_a_list_over_the_page_and_moves_nothing(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        before = chat.box.region
        await chat.type("/st")
        await chat.until(lambda: len(listed(chat)) == 2)
        await chat.until(lambda: "/steps [n|draft" in chat.screen_text)
        assert "denoising steps of the next turn" in chat.screen_text
        assert chat.box.region == before
        rows = chat.screen_text.splitlines()
        assert next(y for y, row in enumerate(rows) if "/stats" in row) < before.y


async def test_keys_that_arrive_together_act_in_their_order(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        for key in ("o", "n", "n", "x", "backspace", "backspace", "e", "home", "s", "left", "n"):
            chat.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await chat.until(lambda: len(chat.box.text) == 5)
        assert chat.box.text == "nsone"


async def test_what_comes_with_a_tab_acts_where_the_tab_led(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        for key in ("tab", "home", "1", "6", "tab", "right", "escape", "g", "o", "enter"):
            chat.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await chat.until_settled()
        assert engine.requests[0].messages[-1].text == "go"
        assert engine.requests[0].sampler.max_denoising_steps == 16
        assert engine.requests[0].max_new_tokens == 160


async def test_tab_completes_and_the_arguments_follow(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.type("/th")
        await chat.pilot.press("down", "down", "up", "tab")
        assert chat.box.text == "/theme "
        await chat.until(lambda: any("paper" in row for row in listed(chat)))
        await chat.type("pa")
        await chat.pilot.press("tab", "enter")
        await chat.until(lambda: chat.app.theme == "paper")


async def test_tab_is_quicker_than_the_list(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press("slash", "n", "e", "tab")
        assert chat.box.text == "/new"
        assert chat.box.has_focus


async def test_enter_runs_a_command_without_argument_and_completes_one_with(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.type("/ste")
        await chat.pilot.press("enter")
        assert chat.box.text == "/steps "
        await chat.type("7")
        await chat.pilot.press("enter")
        await chat.until(lambda: "7 steps" in chat.hint)
        await chat.type("/hel")
        await chat.pilot.press("enter")
        await chat.until(lambda: "what the canvas shows" in chat.screen_text)


async def test_enter_leaves_a_free_argument_as_it_was_typed(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.type("/system of")
        await chat.until(lambda: bool(listed(chat)))
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.session.settings.system == "of")


async def test_esc_closes_the_list_and_another_letter_opens_it(open_chat):
    async with open_chat(ScriptedEngine(step_seconds=0.3)) as chat:
        await chat.send("hello")
        await chat.type("/st")
        await chat.until(lambda: bool(listed(chat)))
        await chat.pilot.press("escape")
        assert listed(chat) == []
        assert chat.box.text == "/st"
        assert not chat.session.running.cancelled.is_set()
        await chat.type("e")
        await chat.until(lambda: len(listed(chat)) == 1)
        await chat.pilot.press("escape", "escape")
        await chat.until(lambda: chat.session.running is None)


async def test_a_click_takes_a_row(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.type("/st")
        await chat.until(lambda: "/stats" in chat.screen_text)
        await chat.pilot.click(SuggestionList, offset=(3, 1))
        await chat.until(lambda: chat.box.text == "/stats")
        assert chat.box.has_focus


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (20, 6)])
async def test_the_whole_list_can_be_walked_on_any_screen(open_chat, size):
    async with open_chat(ScriptedEngine(), size=size) as chat:
        await chat.type("/")
        await chat.until(lambda: len(listed(chat)) == len(COMMANDS))
        await chat.pilot.press("up")
        await chat.until(lambda: COMMANDS[-1].usage in chat.screen_text)
        assert all(len(row) <= size[0] for row in chat.screen_text.splitlines())


async def test_a_recalled_command_opens_no_list(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("/theme")
        await chat.send("/steps 3")
        await chat.pilot.press("up", "up")
        assert chat.box.text == "/theme"
        assert listed(chat) == []
        await chat.pilot.press("down")
        assert chat.box.text == "/steps 3"


async def test_ctrl_r_shows_matches_as_letters_come_and_enter_takes_one(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        for number, prompt in enumerate(("rain one", "snow", "rain two\nand wind"), start=1):
            await chat.send(prompt)
            await chat.until_settled(number)
        await chat.pilot.press("ctrl+r")
        assert len(listed(chat)) == 3
        assert "earlier prompts" in chat.screen_text
        await chat.type("ra")
        await chat.until(lambda: len(listed(chat)) == 2)
        assert "and 1 more lines" in listed(chat)[0]
        await chat.pilot.press("ctrl+r", "enter")
        assert chat.box.text == "rain one"
        assert listed(chat) == []
        assert len(chat.session.turns) == 3
        await chat.pilot.pause()
        assert "earlier prompts" not in chat.screen_text


async def test_esc_leaves_the_search_with_what_stood_there(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("rain")
        await chat.until_settled()
        await chat.type("half")
        await chat.pilot.press("ctrl+r", "z")
        assert listed(chat) == []
        await chat.pilot.press("escape")
        assert chat.box.text == "half"


async def test_the_history_outlives_the_chat(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("remember me")
        await chat.until_settled()
    assert prompt_history_file().stat().st_mode & 0o777 == 0o600
    async with open_chat(ScriptedEngine()) as chat:
        await chat.pilot.press("up")
        assert chat.box.text == "remember me"


async def test_a_history_that_cannot_be_kept_is_one_line(open_chat):
    prompt_history_file().parent.write_text("in the way")
    async with open_chat(ScriptedEngine()) as chat:
        await chat.send("hello")
        await chat.until(lambda: "history cannot be written" in chat.hint)
        await chat.until_settled()


async def test_the_box_grows_to_a_third_of_the_screen_and_then_scrolls(open_chat):
    async with open_chat(ScriptedEngine(), size=(80, 24)) as chat:
        chat.box.replace_text("one")
        await chat.until(lambda: chat.box.size.height == 1)
        for _ in range(30):
            await chat.pilot.press("ctrl+j")
        await chat.until(lambda: chat.box.size.height == 8)
        await chat.until(lambda: chat.box.scroll_offset.y == 31 - 8)
        await chat.pilot.resize_terminal(80, 60)
        await chat.until(lambda: chat.box.size.height in (19, 20))


async def test_a_mentioned_file_goes_along_and_is_a_folded_line(open_chat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tide [b].txt").write_text("high at noon [/]\n")
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.type('when is @"ti')
        await chat.until(lambda: len(listed(chat)) == 1)
        await chat.pilot.press("enter", "h", "i", "g", "h", "enter")
        await chat.until_settled()
        sent = engine.requests[0].messages[0].text
        assert sent == 'when is @"tide [b].txt" high\n\ntide [b].txt:\n```\nhigh at noon [/]\n```'
        await chat.until(lambda: "tide [b].txt · 17 bytes" in chat.screen_text)
        assert "high at noon" not in chat.screen_text
        await chat.pilot.click("AttachmentView CollapsibleTitle")
        await chat.until(lambda: "high at noon [/]" in chat.screen_text)
        await chat.pilot.press("escape")
        await chat.send("/retry")
        await chat.until_settled(2)
        assert engine.requests[1].messages[0].text == sent
        await chat.send("/copy prompt")
        assert chat.app.clipboard == 'when is @"tide [b].txt" high'


async def test_a_file_that_is_no_text_is_one_line_and_the_prompt_stays(open_chat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cat.png").write_bytes(b"\x89PNG")
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("see @cat.png")
        assert "cat.png is an image" in chat.hint
        assert chat.box.text == "see @cat.png"
        assert engine.requests == []


async def test_a_pasted_mention_reads_no_file(open_chat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("secret").write_text("key")
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        chat.app.post_message(events.Paste("@secret"))
        await chat.until(lambda: chat.box.text == "@secret")
        await chat.pilot.press("escape", "enter")
        await chat.until_settled()
        assert engine.requests[0].messages[0].text == "@secret"


async def test_a_mention_of_nothing_is_sent_as_text_and_said(open_chat):
    engine = ScriptedEngine()
    async with open_chat(engine) as chat:
        await chat.send("what is @property")
        await chat.until(lambda: "@property: no file, sent as text" in chat.hint)
        assert engine.requests[0].messages[0].text == "what is @property"


async def test_a_megabyte_is_pasted_and_edited_quickly(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        started = monotonic()
        chat.app.post_message(events.Paste(("word @x " * 9 + "\n") * 14_000 + "/st"))
        await chat.until(lambda: len(chat.box.text) > 1_000_000)
        assert monotonic() - started < 5
        started = monotonic()
        await chat.pilot.press("a", "left", "up", "x", "backspace")
        assert monotonic() - started < 2
        assert listed(chat) == []


@pytest.mark.parametrize("typed", ["\x1bx", "\x1b[120;3u"])
async def test_a_letter_with_alt_is_no_text(open_chat, typed, monkeypatch):
    parser, now = PasteSafeParser(), 0.0
    monkeypatch.setattr("textual._parser.get_time", lambda: now)
    keys = [*parser.feed(typed)]
    now = 1.0
    keys += parser.tick()
    assert [key.key for key in keys] == ["alt+x"]
    monkeypatch.undo()
    async with open_chat(ScriptedEngine()) as chat:
        chat.box.post_message(keys[0])
        await chat.pilot.press("y")
        assert chat.box.text == "y"
