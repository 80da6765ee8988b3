"""`dgchat models verify`: a line for each file that is in order, or the first fault."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from dgchat.checkpoint.verify import VerifiedFile, verify
from dgchat.engine.events import LoadProgress
from dgchat.hub.sizes import rounded
from dgchat.one_shot.printer import InPlacePrinter, Line
from dgchat.safe_text import visible
from dgchat.session.loading import Loading
from dgchat.ui.terminal import Terminal


def run_verify(folder: Path, out: TextIO, err: TextIO) -> int:
    """Verify a folder: files go to `out`, progress to `err` if that is a terminal; returns the exit code.
    CheckpointError for the first fault.
    """
    has_screen = err.isatty() and not Terminal.from_environment(os.environ).is_dumb
    printer = InPlacePrinter(err) if has_screen else None
    reading = Loading("reading")

    def show(progress: LoadProgress) -> None:
        reading.report(progress)
        if printer is not None:
            words = reading.describe()[: printer.columns]
            printer.draw([Line(words, len(words))])

    compared: list[bool] = []

    def tell(file: VerifiedFile) -> None:
        compared.append(file.against is not None)
        if printer is not None:
            printer.clear()
        out.write(f"{visible(_line(file), newlines=False)}\n")
        out.flush()

    try:
        verify(folder, tell, show)
    finally:
        if printer is not None:
            printer.clear()
    hashes = "hashes" if all(compared) else f"the hashes of {sum(compared)} of {len(compared)} files"
    out.write(f"in order: names, shapes, data types and {hashes}; every weight is a number\n")
    return 0


def _line(file: VerifiedFile) -> str:
    size = rounded(file.num_bytes)
    if file.against is None:
        return f"{file.name}: {size}, sha256 {file.sha256} (nothing here to compare it with)"
    return f"{file.name}: {size}, as the {file.against} has it"
