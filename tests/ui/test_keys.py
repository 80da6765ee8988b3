"""The table of keys: each does what the help says, and a reader may move them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dgchat.errors import SettingsError
from dgchat.paths import config_file
from dgchat.ui.keys import ACTIONS, Keymap, written
from dgchat.ui.screens.help import HelpScreen
from dgchat.ui.screens.more import MoreScreen
from dgchat.ui.screens.settings import SettingsScreen
from dgchat.ui.widgets.slider import Slider
from dgchat.ui.widgets.transcript import Transcript
from scripted_engine import ScriptedEngine

KEYS = {action.name: action.keys for action in ACTIONS}

DOES: dict[str, tuple[str, Callable[..., bool]]] = {
    "send": ("hello", lambda chat: bool(chat.answers)),
    "new_line": ("hello", lambda chat: chat.box.text == "hello\n"),
    "interrupt": ("hello", lambda chat: chat.box.text == "" and "again quits" in chat.hint),
    "quit": ("", lambda chat: not chat.app.is_running),
    "search": ("zzz", lambda chat: chat.box.is_searching),
    "editor": ("", lambda chat: "to an editor" in chat.hint),
    "next": ("", lambda chat: isinstance(chat.app.focused, Slider)),
    "try": ("", lambda chat: bool(chat.answers)),
    "replay": ("", lambda chat: "There is no answer yet" in chat.said),
    "commands": ("", lambda chat: chat.app.screen.is_modal),
    "help": ("", lambda chat: isinstance(chat.app.screen, HelpScreen)),
    "settings": ("", lambda chat: isinstance(chat.app.screen, SettingsScreen)),
    "more": ("", lambda chat: isinstance(chat.app.screen, MoreScreen)),
}
"""What is typed before, and what holds afterwards."""

HAVE_A_TEST_OF_THEIR_OWN = {"stop", "history", "page"}


def test_every_action_is_tested():
    assert KEYS.keys() == DOES.keys() | HAVE_A_TEST_OF_THEIR_OWN


def test_the_readme_names_every_key():
    table = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").lower()
    cells = {key for row in table.splitlines() if row.startswith("| ") for key in _words(row.split("|")[1])}
    assert [key for keys in KEYS.values() for key in keys if written(key).lower() not in cells] == []


def _words(cell: str) -> list[str]:
    return cell.replace(",", " ").replace(";", " ").split()


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in DOES for key in KEYS[name]])
async def test_every_key_of_the_help_does_what_it_says(open_chat, name, key):
    typed, holds = DOES[name]
    async with open_chat(ScriptedEngine()) as chat:
        await chat.until(lambda: "F5" in chat.screen_text)
        await chat.type(typed)
        await chat.pilot.press(key)
        await chat.until(lambda: holds(chat))


async def test_the_key_that_stops_keeps_the_draft(open_chat):
    async with open_chat(ScriptedEngine(steps=48, step_seconds=0.05)) as chat:
        await chat.send("a long one")
        await chat.until(lambda: len(chat.session.running.trace) > 2)
        await chat.pilot.press(*KEYS["stop"])
        await chat.until_settled()
        assert chat.session.turns[0].stopped_at is not None


async def test_the_keys_of_the_history_walk_through_earlier_prompts(open_chat):
    older, newer = KEYS["history"]
    async with open_chat(ScriptedEngine()) as chat:
        for number, prompt in enumerate(("one", "two"), start=1):
            await chat.send(prompt)
            await chat.until_settled(number)
        for key, text in ((older, "two"), (older, "one"), (newer, "two"), (newer, "")):
            await chat.pilot.press(key)
            assert chat.box.text == text


async def test_the_keys_that_turn_pages_scroll_the_conversation(open_chat):
    up, down = KEYS["page"]
    async with open_chat(ScriptedEngine()) as chat:
        for number in range(1, 6):
            await chat.send("hello")
            await chat.until_settled(number)
        transcript = chat.app.chat.query_one(Transcript)
        await chat.until(lambda: transcript.max_scroll_y > 0 and transcript.is_at_end)
        await chat.pilot.press(up)
        await chat.until(lambda: transcript.scroll_offset.y < transcript.max_scroll_y - 1)
        await chat.pilot.press(down)
        await chat.until(lambda: transcript.scroll_offset.y == transcript.max_scroll_y)


async def test_a_moved_key_does_it_and_the_old_one_does_nothing(open_chat):
    config_file().parent.mkdir(parents=True, exist_ok=True)
    async with open_chat(ScriptedEngine()) as chat:
        chat.app.keymap = Keymap.read({"help": "alt+h", "new_line": ["f8"]})
        await chat.pilot.press("f1", "a", "ctrl+j", "f8")
        assert chat.app.screen is chat.app.chat
        assert chat.box.text == "a\n"
        await chat.pilot.press("alt+h")
        await chat.until(lambda: isinstance(chat.app.screen, HelpScreen))


async def test_the_keys_of_the_file_are_those_of_the_help(open_chat, tmp_path):
    (tmp_path / "config.toml").write_text('[keys]\nsettings = ["F10", "alt+s"]\n', encoding="utf-8")
    async with open_chat(ScriptedEngine(), size=(100, 60)) as chat:
        await chat.pilot.press("f1")
        await chat.until(lambda: "F10  alt+s" in chat.screen_text)
        await chat.pilot.press("escape", "f10")
        await chat.until(lambda: isinstance(chat.app.screen, SettingsScreen))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"hlep": "f3"}, r"unknown action 'hlep'.*did you mean help"),
        ({"help": "ctl+h"}, r"unknown key 'ctl\+h'.*did you mean ctrl"),
        ({"help": "f99"}, "unknown key 'f99'"),
        ({"help": "ctrl+r"}, r"ctrl\+r in \[keys\] would be both search and help"),
        ({"help": "f9", "more": ["f8", "f9"]}, "F9 in .* would be both help and more"),
        ({"help": "ctrl+i"}, "tab in .* would be both next and help"),
        ({"help": "alt+5"}, "it types a letter"),
        ({"help": "h"}, "it is typed into the prompt"),
        ({"help": "?"}, "it is typed into the prompt"),
        ({"stop": "f9"}, r"stop in \[keys\] stays on esc"),
        ({"help": 7}, "must be a key, or a list of keys.*it is 7"),
        ({"help": []}, "needs a key"),
    ],
)
def test_a_wrong_key_is_one_line_that_says_what_is_meant(table, told):
    with pytest.raises(SettingsError, match=told) as raised:
        Keymap.read(table)
    assert "\n" not in str(raised.value)


def test_two_actions_may_change_places():
    keymap = Keymap.read({"help": "f2", "settings": "f1"})
    assert keymap.meant("f2", in_chat=True) == "f1"
    assert keymap.meant("f1", in_chat=True) == "f2"


def test_a_freed_key_is_left_to_what_lies_over_the_chat():
    keymap = Keymap.read({"page": ["alt+u", "alt+d"]})
    assert keymap.meant("pageup", in_chat=True) is None
    assert keymap.meant("pageup", in_chat=False) == "pageup"
    assert keymap.meant("alt+d", in_chat=True) == "pagedown"
