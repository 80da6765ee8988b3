"""`dgchat view`: shows a stream as the one-shot that wrote it would have shown it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TextIO

from dgchat.engine.events import FinishReason
from dgchat.errors import UsageError
from dgchat.one_shot.output import as_text, summary_of
from dgchat.one_shot.prompt import FROM_STDIN
from dgchat.one_shot.run import CANCELLED, OK
from dgchat.one_shot.signals import stop_on_signals
from dgchat.one_shot.stage import Stage
from dgchat.one_shot.viewing import Viewing
from dgchat.settings import Settings


def run_view(name: str, settings: Settings, reads: TextIO, out: TextIO, err: TextIO) -> int:
    """Show the stream in a file at the pace it was written at, or on `reads` (`-`) as it comes; the answer
    goes to `out`. DgchatError if there is none.
    """
    stage = Stage.of(settings, err)
    with ExitStack() as stack:
        source = reads.buffer if name == FROM_STDIN else stack.enter_context(_opened(Path(name)))
        is_stored = name != FROM_STDIN and Path(name).is_file()
        viewing = Viewing(source, time.sleep) if is_stored and stage.moves else Viewing(source)
        stack.enter_context(stop_on_signals(lambda: False))
        if stage.moves:
            stage.show(viewing)
        else:
            viewing.run()
    return _report(viewing, stage, out)


def _report(viewing: Viewing, stage: Stage, out: TextIO) -> int:
    answered = viewing.answered
    assert answered is not None
    finished = answered.finished
    out.write(as_text(finished.text, out.isatty()))
    out.flush()
    if finished.reason is FinishReason.CANCELLED:
        stage.stream.write("dgchat: the answer was stopped where it was written\n")
        return CANCELLED
    if stage.has_screen:
        stage.stream.write(f"\x1b[2m{summary_of(finished, answered.seed)}\x1b[0m\n")
    return OK


def _opened(path: Path) -> BinaryIO:
    try:
        return path.expanduser().open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
