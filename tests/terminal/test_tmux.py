"""A chat in tmux: typed into, stopped, scrolled, searched, copied from and left."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic

import pytest

from dgchat.session.commands import COMMANDS
from dgchat.settings import Settings
from dgchat.ui.run import make_app, make_session
from dgchat.ui.terminal import Terminal
from dgchat_process import scripted_command
from scripted_engine import ANSWER, ScriptedEngine
from tmux_terminal import SETTINGS, Tmux

WIDE = """\
Tide 潮, moon 🌕 and naïve 한국어 text, then `code`:

```python
for tide in range(2):
    print(tide)
```"""
FIXED = ("--seed", "7", "--pace", "live")
TOLD = 'trap : INT; "$@"; echo "left with $?"; exec sleep 600'
"""A shell that runs its arguments and tells with what they left."""


def chat_in(terminal: Tmux, *arguments: str, **script: object) -> Tmux:
    """Start a chat with a scripted engine, and wait until it is there."""
    terminal.start(scripted_command(*FIXED, *arguments, **script))
    terminal.until_shown("ready in")
    return terminal


async def drawn(prompt: str, size: tuple[int, int], engine: ScriptedEngine) -> list[str]:
    """The rows that the same chat draws where no terminal is between it and the test."""
    settings = Settings(seed=7, pace="live")
    session = make_session(settings, lambda loading: engine)
    app = make_app(settings, session, Terminal(is_dumb=False, is_light=False, is_remote=False))
    async with app.run_test(size=size) as pilot:
        await pilot.press(*("space" if letter == " " else letter for letter in prompt), "enter")
        deadline = monotonic() + 20
        while not any(view.is_settled for view in app.chat.query("AnswerView")):
            assert monotonic() < deadline
            await pilot.pause(0.02)
        await pilot.pause(0.2)
        return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_stands_in_the_terminal_is_what_was_drawn_cell_for_cell(open_terminal, size):
    terminal = chat_in(open_terminal(size), answer=WIDE, steps=4)
    terminal.type("what is it")
    terminal.press("Enter")
    expected = await drawn("what is it", size, ScriptedEngine(answer=WIDE, steps=4))
    terminal.until(lambda: terminal.rows == expected)


def test_esc_stops_the_answer_at_once_and_keeps_the_draft(open_terminal):
    terminal = chat_in(open_terminal(), steps=48, step_seconds=0.2)
    terminal.type("a long one")
    terminal.press("Enter")
    terminal.until_shown("step 2/48")
    terminal.press("Escape")
    assert terminal.until_shown("stopping") < 1.0
    assert terminal.until_shown("stopped at") < 2.0
    assert "/48" in terminal.text


@pytest.mark.parametrize("at_step", [1, 3, 6])
def test_a_terminal_that_grows_in_the_middle_of_an_answer_shows_nothing_stale(open_terminal, at_step):
    terminal = chat_in(open_terminal((120, 40)), answer=WIDE, steps=8, step_seconds=0.2)
    terminal.type("what is it")
    terminal.press("Enter")
    terminal.until_shown(f"step {at_step}/")
    terminal.resize(20, 5)
    terminal.until(lambda: "enter send" not in terminal.text)
    terminal.resize(120, 40)
    terminal.until_shown("8 steps of 48", "print(tide)", "enter send")
    grown = terminal.rows
    terminal.resize(121, 40)  # everything is drawn anew
    terminal.until(lambda: any(row.endswith("─") and len(row) == 120 for row in terminal.rows))
    terminal.resize(120, 40)
    terminal.until(lambda: terminal.rows == grown)


def test_a_prompt_is_typed_stopped_replayed_and_left(open_terminal):
    terminal = open_terminal()
    terminal.start(["sh", "-c", TOLD, "sh", *scripted_command(*FIXED, steps=48, step_seconds=0.1)])
    terminal.until_shown("ready in")
    terminal.type("a long onne")
    terminal.press("BSpace", "BSpace")
    terminal.type("e")
    terminal.press("Enter")
    terminal.until_shown("a long one", "step 6/48")
    terminal.press("Escape")
    terminal.until_shown("stopped at", "enter send")
    terminal.press("M-r")
    terminal.until_shown("replay   a long one", "paused")
    terminal.press("Home")
    terminal.until_shown("step 1/")
    terminal.press("Right")
    terminal.until_shown("step 2/")
    terminal.press("Space")
    terminal.until(lambda: "step 2/" not in terminal.text)
    terminal.press("q")
    terminal.until_shown("stopped at", "enter send")
    terminal.press("C-q")
    terminal.until_shown("left with 0")


def test_a_long_answer_is_scrolled_by_keys(open_terminal):
    text = "\n\n".join(f"line {number}" for number in range(60))
    terminal = chat_in(open_terminal(), "--max-tokens", "512", answer=text, steps=2)
    terminal.type("count")
    terminal.press("Enter")
    terminal.until_shown("line 59")
    terminal.press("PPage")
    terminal.until(lambda: "line 59" not in terminal.text)
    terminal.until_shown("new below")
    for _ in range(9):
        terminal.press("PPage")
    terminal.until_shown("you", "count", "line 0")
    for _ in range(9):
        terminal.press("NPage")
    terminal.until_shown("line 59")


def test_commands_are_completed_and_run(open_terminal):
    terminal = chat_in(open_terminal())
    terminal.type("/st")
    terminal.until_shown("/steps [n", "counts and times of the last answer")
    terminal.press("Tab")
    terminal.type("5")
    terminal.press("Enter")
    terminal.until_shown("5 steps, from the next turn on")
    terminal.press("F1")
    terminal.until_shown("what the canvas shows")
    terminal.press("Escape")
    terminal.until(lambda: "what the canvas shows" not in terminal.text)


def test_two_answers_are_compared_and_one_is_kept(open_terminal):
    terminal = chat_in(open_terminal((120, 40)), answer=None)
    terminal.type("hello")
    terminal.press("Enter")
    terminal.until_shown("tok/s", "seed 7")
    terminal.type("/retry 4")
    terminal.press("Enter")
    terminal.until_shown("12 steps", "4 steps", "byte for byte", "keep the new")
    terminal.press("Right")
    terminal.until_shown("4 steps", "in the conversation")


@pytest.mark.parametrize("settings", [SETTINGS, ""], ids=["set up for it", "by default"])
def test_an_answer_is_copied_through_tmux(open_terminal, settings):
    terminal = chat_in(open_terminal(settings=settings))
    terminal.type("hello")
    terminal.press("Enter")
    terminal.until_shown("tok/s", "seed 7")
    terminal.type("/copy")
    terminal.press("Enter")
    terminal.until(lambda: terminal.copied == ANSWER)
    terminal.until_shown(f"copied {len(ANSWER)} characters")


def test_the_readers_editor_has_the_terminal_and_gives_the_text_back(open_terminal, tmp_path: Path):
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n"
        "print('EDITING', path.read_text())\nword = input()\npath.write_text(word + '\\nand more\\n')\n"
    )
    terminal = open_terminal()
    command = scripted_command(*FIXED)
    terminal.start(command, VISUAL=f"{sys.executable} {editor}")
    terminal.until_shown("ready in")
    terminal.type("half a")
    terminal.press("C-g")
    terminal.until_shown("EDITING half a")
    terminal.type("written")
    terminal.press("Enter")
    terminal.until_shown("\u276f written", "and more", "enter send")
    assert "EDITING" not in terminal.text
    terminal.press("Enter")
    terminal.until_shown("tok/s", "seed 7")


def test_ctrl_c_in_the_editor_is_the_editors(open_terminal, tmp_path: Path):
    editor = tmp_path / "editor.sh"
    editor.write_text("echo EDITING\ntrap 'exit 3' INT\nwhile true; do sleep 0.05; done\n")
    terminal = open_terminal()
    terminal.start(scripted_command(*FIXED), VISUAL=f"sh {editor}")
    terminal.until_shown("ready in")
    terminal.type("stays")
    terminal.press("C-g")
    terminal.until_shown("EDITING")
    terminal.press("C-c")
    terminal.until_shown("\u276f stays", "failed with exit code 3")
    terminal.type(" put")
    terminal.until_shown("stays put")
    assert terminal.exit_code is None


def test_a_paste_of_many_lines_is_inserted_and_sends_nothing(open_terminal):
    terminal = chat_in(open_terminal())
    terminal.paste("one\ntwo\n/quit\n\x1b[13u")
    terminal.until_shown("one", "two", "/quit", "␛[13u")
    assert "tok/s" not in terminal.text


def test_an_answer_is_replayed(open_terminal):
    if all(command.name != "replay" for command in COMMANDS):
        pytest.skip("there is no /replay")
    terminal = chat_in(open_terminal())
    terminal.type("hello")
    terminal.press("Enter")
    terminal.until_shown("tok/s", "seed 7")
    terminal.type("/replay")
    terminal.press("Enter")
    terminal.until_shown("step")
    terminal.press("Escape")
    terminal.until_shown("tok/s", "enter send")


@pytest.mark.parametrize("keys", [("C-q",), ("C-d",), ("C-c", "C-c")], ids=" ".join)
def test_leaving_gives_the_terminal_back_as_it_was(open_terminal, keys):
    terminal = open_terminal()
    wrapped = 'echo before; "$@"; echo "left with $?"; cat'
    terminal.start(["sh", "-c", wrapped, "sh", *scripted_command(*FIXED)])
    terminal.until_shown("ready in")
    terminal.press(*keys)
    terminal.until_shown("before", "left with 0")
    assert "dgchat" not in terminal.text


def test_ctrl_c_at_the_plain_prompt_leaves_with_130(open_terminal):
    terminal = open_terminal()
    terminal.start(["sh", "-c", TOLD, "sh", *scripted_command("--plain", *FIXED)])
    terminal.until_shown("You:")
    terminal.press("C-c")
    terminal.until_shown("left with 130")


@pytest.mark.usefixtures("needs_bundled_model")
def test_the_bundled_model_answers(open_terminal):
    terminal = open_terminal()
    terminal.start([sys.executable, "-m", "dgchat", *FIXED], DGCHAT_DEVICE="cpu")
    terminal.until_shown("ready in")
    terminal.type("Hello!")
    terminal.press("Enter")
    terminal.until_shown("tok/s", "seed 7")
