"""/copy and what a selection copies."""

from __future__ import annotations

import pytest

from dgchat.ui.clipboard import MAX_COPY_BYTES
from dgchat.ui.widgets.code_block import CopyWord
from scripted_engine import ScriptedEngine

TWO_BLOCKS = "First:\n\n```python\nx = 1\n\ny = 2\n```\n\n- then:\n\n  ~~~\n  ls -l\n  ~~~\n"


@pytest.mark.parametrize(
    ("typed", "copied"),
    [
        ("/copy", TWO_BLOCKS),
        ("/copy code 1", "x = 1\n\ny = 2"),
        ("/copy code 2", "ls -l"),
        ("/copy prompt", "show me"),
    ],
)
async def test_answer_code_and_prompt_are_copied(open_chat, typed, copied):
    async with open_chat(ScriptedEngine(answer=TWO_BLOCKS, steps=1)) as chat:
        await chat.send("show me")
        await chat.until_settled()
        await chat.send(typed)
        assert chat.app.clipboard == copied
        assert chat.hint == f"copied {len(copied)} characters"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/copy code", "has 2 code blocks"),
        ("/copy code 3", "from 1 to 2"),
        ("/copy cat", "/copy code 2 or /copy prompt"),
    ],
)
async def test_what_cannot_be_copied_is_told(open_chat, typed, told):
    async with open_chat(ScriptedEngine(answer=TWO_BLOCKS, steps=1)) as chat:
        await chat.send("show me")
        await chat.until_settled()
        await chat.send(typed)
        await chat.until(lambda: told in chat.said)
        assert chat.app.clipboard == ""


async def test_an_only_code_block_needs_no_number(open_chat):
    async with open_chat(ScriptedEngine(answer="```\none\n```", steps=1)) as chat:
        await chat.send("show me")
        await chat.until_settled()
        await chat.send("/copy code")
        assert chat.app.clipboard == "one"


async def test_a_click_on_the_word_above_a_block_copies_it(open_chat):
    async with open_chat(ScriptedEngine(answer=TWO_BLOCKS, steps=1)) as chat:
        await chat.send("show me")
        await chat.until_settled()
        await chat.until(lambda: chat.screen_text.count("copy") == 2)
        words = list(chat.app.chat.query(CopyWord))
        await chat.pilot.click(words[1], offset=(1, 0))
        await chat.until(lambda: chat.app.clipboard == "ls -l")


async def test_an_answer_too_long_for_a_terminal_is_told_and_not_cut(open_chat):
    engine = ScriptedEngine(answer="x" * (MAX_COPY_BYTES + 1), steps=1)
    async with open_chat(engine) as chat:
        await chat.send("much")
        await chat.until_settled()
        await chat.send("/copy")
        assert "too many for a terminal's clipboard" in chat.hint
        assert chat.app.clipboard == ""


async def test_a_selection_is_the_text_without_gutter_or_wraps(open_chat):
    answer = " ".join(f"word{number}" for number in range(40))
    async with open_chat(ScriptedEngine(answer=answer, steps=1, canvas_length=64), size=(60, 24)) as chat:
        await chat.send("show me")
        await chat.until_settled()
        await chat.pilot.pause()
        rows = chat.screen_text.splitlines()
        first = next(y for y, row in enumerate(rows) if "word0" in row)
        last = next(y for y, row in enumerate(rows) if "word39" in row)
        assert last > first + 2
        await chat.pilot.mouse_down(offset=(rows[first].index("word0"), first))
        await chat.pilot.hover(offset=(rows[last].index("word39") + 6, last))
        await chat.pilot.mouse_up(offset=(rows[last].index("word39") + 6, last))
        await chat.pilot.press("ctrl+c")
        assert chat.app.clipboard == answer
