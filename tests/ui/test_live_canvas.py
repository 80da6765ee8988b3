"""The live canvas as a widget."""

from __future__ import annotations

from dgchat.ui.widgets.live_canvas import LiveCanvas
from dgchat.ui.widgets.transcript import Transcript
from made_up_trace import made_up_trace
from scripted_engine import ScriptedEngine

NUM_TOKENS = 256


async def test_a_step_that_comes_before_the_canvas_has_a_size_waits_for_it(open_chat):
    async with open_chat(ScriptedEngine()) as chat:
        canvas = LiveCanvas(chat.app.chat.look.theme)
        canvas.advance(list(made_up_trace())[:1], 0.0)
        await chat.app.chat.remove_welcome()
        await chat.app.chat.query_one(Transcript).add(canvas)
        await chat.until(lambda: canvas.size.width > 0 and canvas.styles.height is not None)
        assert 1 < canvas.styles.height.value < NUM_TOKENS / 4  # in one column it has a row for each token
