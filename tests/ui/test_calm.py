"""Calm motion: nothing flashes, and no cell changes more than three times a second."""

from __future__ import annotations

from collections import defaultdict
from time import monotonic

from dgchat.settings import Settings
from dgchat.ui.widgets.canvas_rows import CanvasRows
from scripted_engine import ScriptedEngine


async def test_no_cell_changes_more_than_three_times_a_second(open_chat):
    engine = ScriptedEngine(steps=48, step_seconds=0.06, prefill_seconds=0.3)
    async with open_chat(engine, Settings(motion="calm")) as chat:
        await chat.send("calmly")
        changes: dict[tuple[int, int], list[float]] = defaultdict(list)
        before = chat.screen_text.splitlines()
        end = monotonic() + 3.0
        while monotonic() < end:
            await chat.pilot.pause(0.02)
            now, rows = monotonic(), chat.screen_text.splitlines()
            for y, (old, new) in enumerate(zip(before, rows, strict=False)):
                for x, (was, is_now) in enumerate(zip(old, new, strict=False)):
                    if was != is_now:
                        changes[x, y].append(now)
            before = rows
        assert changes
        most = max(sum(at <= other < at + 1 for other in times) for times in changes.values() for at in times)
        assert most <= 3


async def test_fresh_words_do_not_light_up(open_chat):
    async with open_chat(ScriptedEngine(steps=48, step_seconds=0.2), Settings(motion="calm")) as chat:
        await chat.send("calmly")
        await chat.until(lambda: bool(chat.answers) and chat.answers[0].num_drawn_steps > 0)
        style = chat.app.chat.query_one(CanvasRows).get_component_rich_style("live-canvas--fresh")
        assert not style.bold
        assert chat.app.animation_level == "none"
