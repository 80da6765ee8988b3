"""Rows that bypass textual's cache of styles."""

from __future__ import annotations

from textual.geometry import Region
from textual.widget import Widget

from dgchat.ui.widgets.canvas_rows import CanvasRows
from dgchat.ui.widgets.live_canvas import LiveCanvas
from dgchat.ui.widgets.transcript import Transcript
from made_up_trace import made_up_trace
from scripted_engine import ScriptedEngine


async def test_rows_are_sent_as_textual_would_send_them_and_kept_until_they_change(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        canvas = LiveCanvas(chat.app.chat.look.theme)
        await chat.app.chat.remove_welcome()
        await chat.app.chat.query_one(Transcript).add(canvas)
        await chat.until(lambda: canvas.size.width > 0)
        canvas.advance(list(made_up_trace())[:9], 0.0)
        rows = canvas.query_one(CanvasRows)
        await chat.until(lambda: rows.size.height > 9)
        for crop in (rows.size.region, Region(3, 1, 20, 4)):
            for one, other in zip(rows.render_lines(crop), Widget.render_lines(rows, crop), strict=True):
                assert list(one) == list(other), (one.text, other.text, one.cell_length, other.cell_length)
        before = rows.render_lines(rows.size.region)
        rows.show([(("settled", "another"),), *rows._rows[1:]])
        after = rows.render_lines(rows.size.region)
        assert list(map(list, after)) == list(map(list, Widget.render_lines(rows, rows.size.region)))
        assert after[0].text.split() == ["another"]
        assert all(old is new for old, new in zip(before[1:], after[1:], strict=True))
