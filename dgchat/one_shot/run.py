"""Runs a one-shot from prompt to exit code."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from dgchat.engine.events import FinishReason
from dgchat.one_shot.answering import Answering
from dgchat.one_shot.canvas_lines import CanvasLines, noise_glyphs_for
from dgchat.one_shot.output import as_json, as_text, note_on, summary_of
from dgchat.one_shot.printer import InPlacePrinter
from dgchat.one_shot.prompt import check_prompt, check_text
from dgchat.one_shot.watch import run_watched
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader
from dgchat.settings import Settings
from dgchat.ui.pace import Pace
from dgchat.ui.terminal import Terminal

OK, CANCELLED = 0, 130


def run_one_shot(
    prompt: str, settings: Settings, engine_loader: EngineLoader, *, json: bool, out: TextIO, err: TextIO
) -> int:
    """Answer the prompt on `out`, tell the rest on `err`, return the exit code; DgchatError if it fails."""
    check_text(settings.system, "the system text")
    answering = Answering(check_prompt(prompt), settings, engine_loader)
    terminal = Terminal.from_environment(os.environ)
    pace = Pace.of(settings, over_ssh=terminal.is_remote)
    has_screen = err.isatty() and not terminal.is_dumb
    with _stop_on_signals(answering):
        if has_screen and pace.is_moving and not settings.plain:
            run_watched(answering, InPlacePrinter(err), CanvasLines(noise_glyphs_for(err)), pace)
        else:
            if err.isatty():
                answering.loading.on_plan = lambda plan: err.write(f"dgchat: {plan}\n")
            answering.run()
    return _report(answering, json=json, out=out, err=err, has_screen=has_screen)


def _report(answering: Answering, *, json: bool, out: TextIO, err: TextIO, has_screen: bool) -> int:
    finished, request, info = answering.turn.finished, answering.request, answering.info
    assert finished is not None
    assert request is not None
    assert info is not None
    if info.choice:
        err.write(f"dgchat: {visible(info.choice, newlines=False)}\n")
    out.write(as_json(finished, request, info) if json else as_text(finished, out.isatty()))
    out.flush()
    if note := note_on(answering.turn, request):
        err.write(f"dgchat: {note}\n")
    if has_screen and not json:
        err.write(f"\x1b[2m{summary_of(finished, request.seed)}\x1b[0m\n")
    return CANCELLED if finished.reason is FinishReason.CANCELLED else OK


@contextmanager
def _stop_on_signals(answering: Answering) -> Generator[None]:
    """INT, TERM and HUP end the answer within a step and keep the draft; while loading, or again: at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if answering.turn.cancelled.is_set() or not answering.is_generating:
            raise KeyboardInterrupt
        answering.turn.cancelled.set()

    numbers = (getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
    earlier = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
