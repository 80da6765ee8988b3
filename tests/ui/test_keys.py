"""The table of keys: each does what the help says, and a reader may move them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dgchat.errors import SettingsError
from dgchat.paths import config_file
from dgchat.ui.keys import ACTIONS, Keymap
from dgchat.ui.screens.help import HelpScreen
from dgchat.ui.screens.more import MoreScreen
from dgchat.ui.screens.settings import SettingsScreen
from dgchat.ui.widgets.slider import Slider
from scripted_engine import ScriptedEngine

KEYS = {action.name: action.keys for action in ACTIONS}

DOES: dict[str, tuple[str, Callable[..., bool]]] = {
    "send": ("hello", lambda chat: bool(chat.answers)),
    "new_line": ("hello", lambda chat: chat.box.text == "hello\n"),
    "stop": ("", lambda chat: chat.hint == "" and chat.app.is_running),
    "interrupt": ("hello", lambda chat: chat.box.text == "" and "again quits" in chat.hint),
    "quit": ("", lambda chat: not chat.app.is_running),
    "history": ("", lambda chat: chat.app.is_running),
    "search": ("zzz", lambda chat: chat.box.is_searching),
    "editor": ("", lambda chat: "to an editor" in chat.hint),
    "page": ("", lambda chat: chat.app.is_running),
    "next": ("", lambda chat: isinstance(chat.app.focused, Slider)),
    "try": ("", lambda chat: bool(chat.answers)),
    "replay": ("", lambda chat: "There is no answer yet" in chat.said),
    "commands": ("", lambda chat: chat.app.screen.is_modal),
    "help": ("", lambda chat: isinstance(chat.app.screen, HelpScreen)),
    "settings": ("", lambda chat: isinstance(chat.app.screen, SettingsScreen)),
    "more": ("", lambda chat: isinstance(chat.app.screen, MoreScreen)),
}
"""What is typed before, and what holds afterwards."""


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in KEYS.items() for key in keys])
async def test_every_key_of_the_help_does_what_it_says(open_chat, name, key):
    typed, holds = DOES[name]
    async with open_chat(ScriptedEngine()) as chat:
        await chat.until(lambda: "F5" in chat.screen_text)
        await chat.type(typed)
        await chat.pilot.press(key)
        await chat.until(lambda: holds(chat))


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
