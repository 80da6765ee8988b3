"""Runs a batch from its rows to an exit code."""

from __future__ import annotations

from typing import TextIO

from dgchat.batch.answer_file import Done, open_answers
from dgchat.batch.answering import BatchAnswering
from dgchat.batch.job import BatchJob, settings_digest
from dgchat.batch.progress import BatchCounts, batch_view
from dgchat.batch.reading import read_rows
from dgchat.engine.events import Engine
from dgchat.errors import as_dgchat_error
from dgchat.one_shot.prompt import check_text
from dgchat.one_shot.signals import stop_on_signals
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader, Loading
from dgchat.settings import Settings

OK, FAILED, STOPPED = 0, 1, 130


def run_batch(
    job: BatchJob, settings: Settings, engine_loader: EngineLoader, stdin: TextIO, out: TextIO, err: TextIO
) -> int:
    """Answer the rows that have no answer yet, tell the rest on `err`, return the exit code.

    DgchatError or OSError if that cannot go on; what is answered by then is kept.
    """
    check_text(settings.system, "the system text")
    rows = read_rows(job, stdin)
    answers = open_answers(job.output, job.source, out.buffer)
    digest = settings_digest(settings)
    done: dict[int, Done] = {}
    if not job.again:
        answers.check(rows, digest)
        done = answers.done
    if done:
        err.write(f"dgchat: {len(done)} of {len(rows)} rows are answered already\n")
    missing = [row for row in rows if row.number not in done]
    counts = BatchCounts(len(rows), len(done), sum(one.is_error for one in done.values()))
    is_stopped = False
    if missing:
        answering = BatchAnswering(settings, digest, counts, answers)
        with stop_on_signals(answering.stop):
            engine = _load(engine_loader, err)
            answers.begin(again=job.again)
            try:
                with batch_view(err) as view:
                    answering.answer(engine, missing, job.size, view.show)
            finally:
                answers.close()
        is_stopped = not counts.is_over
    if is_stopped:
        kept = "the same command goes on from there" if job.output_file else "no more rows are answered"
        err.write(f"dgchat: stopped; {counts.done} of {counts.rows} rows are answered, {kept}\n")
        return STOPPED
    if counts.failed:
        err.write(f"dgchat: {counts.failed} of {counts.rows} rows failed; they have an error field\n")
    return FAILED if counts.failed else OK


def _load(engine_loader: EngineLoader, err: TextIO) -> Engine:
    loading = Loading()
    if err.isatty():
        loading.on_plan = lambda plan: err.write(f"dgchat: {plan}\n")
    try:
        engine = engine_loader(loading)
    except Exception as error:
        raise as_dgchat_error(error, "The engine failed") from error
    if choice := engine.info().choice:
        err.write(f"dgchat: {visible(choice, newlines=False)}\n")
    return engine
