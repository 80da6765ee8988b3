"""Runs a one-shot from its messages to an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dgchat.engine.events import ChatMessage, FinishReason
from dgchat.errors import DgchatError
from dgchat.one_shot.answering import Answering
from dgchat.one_shot.output import as_wanted, ignored_by, note_on, summary_of
from dgchat.one_shot.prompt import check_text
from dgchat.one_shot.refining import Refined, RefineRound, RefineWish, RefiningFailedError
from dgchat.one_shot.signals import stop_on_signals
from dgchat.one_shot.stage import Stage
from dgchat.one_shot.streaming import run_streamed
from dgchat.one_shot.wanted import Wanted
from dgchat.one_shot.whole_file import check_writable, write_whole
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader
from dgchat.settings import Settings

if TYPE_CHECKING:  # brings sqlite3, which few one-shots need
    from dgchat.one_shot.continuing import Continuing

OK, CANCELLED = 0, 130


def run_one_shot(
    messages: Sequence[ChatMessage],
    settings: Settings,
    engine_loader: EngineLoader,
    wanted: Wanted,
    out: TextIO,
    err: TextIO,
    continuing: Continuing | None = None,
) -> int:
    """Answer on `out`, tell the rest on `err`, return the exit code; DgchatError if it fails. The messages
    go on from the conversation in `continuing`, which the turn joins.
    """
    check_text(settings.system, "the system text")
    if wanted.file is not None:
        check_writable(wanted.file)
    if wanted.thought:
        settings = replace(settings, thinking=True)
    answering = Answering(messages, settings, engine_loader, continuing)
    stage = Stage.of(settings, err)
    with continuing or nullcontext():
        refined = _answer(answering, wanted, stage, out)
        if answering.info is not None and (ignored := ignored_by(answering.info, settings)):
            err.write(f"dgchat: {ignored}\n")
        if continuing is not None:
            continuing.end_with(refined.result.turn)
        return _report(refined, wanted, stage, out)


def _answer(answering: Answering, wanted: Wanted, stage: Stage, out: TextIO) -> Refined:
    err = stage.stream
    with stop_on_signals(answering.stop_answer):
        if stage.moves and not wanted.jsonl:
            stage.show(answering)
        else:
            answering.loading.on_wait = lambda why: err.write(f"dgchat: {why}\n")
            if err.isatty():
                answering.loading.on_plan = lambda plan: err.write(f"dgchat: {plan}\n")
            if wanted.jsonl:
                run_streamed(answering, out)
            else:
                answering.run()
    return _refine(answering, wanted.refine, stage)


def _refine(draft: Answering, wish: RefineWish, stage: Stage) -> Refined:
    refined = Refined(draft)
    for number in range(1, wish.rounds + 1):
        if refined.is_stopped:
            break
        one = RefineRound(refined.result, wish, number)
        try:
            with stop_on_signals(one.stop_answer):
                if stage.moves:
                    stage.show(one)
                else:
                    one.run()
        except DgchatError as error:
            return replace(refined, failure=RefiningFailedError(error))
        refined = replace(refined, rounds=(*refined.rounds, one))
    return refined


def _report(refined: Refined, wanted: Wanted, stage: Stage, out: TextIO) -> int:
    answering, result, err = refined.draft, refined.result, stage.stream
    answered, request = result.answered(), result.request
    assert request is not None
    if answering.info is not None and answering.info.choice:
        err.write(f"dgchat: {visible(answering.info.choice, newlines=False)}\n")
    is_cancelled = refined.is_stopped
    missing: DgchatError | None = None
    if not wanted.jsonl and not (is_cancelled and wanted.file):
        try:
            file = None if refined.failure else wanted.file  # what is no refined answer goes into no file
            text = as_wanted(answered, wanted, file is None and out.isatty(), refined.as_fields())
            _put(text, file, out)
        except DgchatError as error:
            missing = error
    is_draft = is_cancelled and answered.finished.reason is not FinishReason.CANCELLED
    if note := "the refining was stopped; this is the draft" if is_draft else note_on(result.turn, request):
        kept = f"; {visible(str(wanted.file), newlines=False)} is as it was"
        err.write(f"dgchat: {note}{kept if is_cancelled and wanted.file else ''}\n")
    if is_cancelled:
        return CANCELLED
    if failed := refined.failure or missing:
        raise failed
    if stage.has_screen and not (wanted.json or wanted.jsonl):
        err.write(f"\x1b[2m{summary_of(answered.finished, request.seed)}\x1b[0m\n")
    return OK


def _put(text: str, file: Path | None, out: TextIO) -> None:
    if file is not None:
        write_whole(file, text)
    else:
        out.write(text)
        out.flush()
