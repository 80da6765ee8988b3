"""What stands beside a live canvas on a wide terminal."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from dgchat.settings import Settings
from dgchat.ui.widgets.canvas_panel import PanelView, panel_rows
from dgchat.ui.widgets.drawn_token import DrawnToken, State
from dgchat.ui.widgets.entropy_curve import entropy_curve
from made_up_trace import made_up_trace
from replaying_engine import ReplayingEngine


def view(**changes) -> PanelView:
    tokens = [DrawnToken("a", 1, State.SETTLED, 0), DrawnToken("b", 1, State.DRAFT, 2)] * 40
    given = {
        "title": "canvas 1 of at most 2",
        "max_steps": 48,
        "entropies": (1.7, 0.9, 0.2),
        "tokens": tokens,
        "minds": ("village", "世界世界世界世界世界世界", "\x1b[31m", "mountain", "city"),
        "num_overturned": 3,
        "figures": ("412 tok/s effective",),
    }
    return PanelView(**{**given, **changes})


@pytest.mark.parametrize("width", [12, 26, 44])
def test_no_row_of_the_panel_is_wider_than_it(width):
    for row in panel_rows(view(), width):
        assert sum(cell_len(text) for _, text in row) <= width


def test_each_state_has_a_glyph_of_its_own_on_the_map():
    states = [
        DrawnToken("a", 1, State.SETTLED, 0),
        DrawnToken("a", 1, State.DRAFT, 1),
        DrawnToken("a", 1, State.NOISE, 0),
        DrawnToken("a", 1, State.DRAFT, 1, is_overturned=True),
    ]
    rows = ["".join(text for _, text in row) for row in panel_rows(view(tokens=states), 26)]
    assert "■□·×" in rows


def test_the_panel_shows_what_the_last_overturned_token_has_been_and_nothing_a_terminal_obeys():
    text = "\n".join("".join(text for _, text in row) for row in panel_rows(view(), 40))
    assert "mountain → city" in text
    assert "\x1b" not in text


def test_the_curve_falls_with_the_entropy_and_leaves_room_for_the_steps_to_come():
    rows = entropy_curve([4.0, 0.1, 0.003], max_steps=6, width=6, height=2)
    assert rows == ["█", "██▁"]


@pytest.mark.parametrize(("width", "is_there"), [(96, False), (131, False), (132, True), (200, True)])
async def test_the_panel_stands_beside_the_canvas_from_132_columns_on(open_chat, width, is_there):
    engine = ReplayingEngine([made_up_trace()], 0.05)
    async with open_chat(lambda _: engine, Settings(), size=(width, 40)) as chat:
        assert "settle map" not in chat.screen_text
        await chat.send("tides?")
        await chat.until(lambda: re.search(r"step (9|\d\d)/48", chat.screen_text) is not None)
        assert ("settle map" in chat.screen_text) == is_there
        await chat.until_settled()
        assert ("settle map" in chat.screen_text) == is_there
        if is_there:
            assert "canvas 1 of at most 1" in chat.screen_text


@pytest.mark.parametrize("small", [(20, 5), (5, 3), (80, 24)])
async def test_a_terminal_made_small_and_large_again_has_its_panel_back(open_chat, small):
    engine = ReplayingEngine([made_up_trace()], 0.02)
    async with open_chat(lambda _: engine, Settings(), size=(160, 50)) as chat:
        await chat.send("tides?")
        await chat.until_settled()
        for size in (small, (160, 5), small, (160, 50)):
            await chat.pilot.resize_terminal(*size)
            await chat.pilot.pause()
        await chat.until(lambda: "settle map" in chat.screen_text)
