"""`dgchat models quantize`: an NVFP4 copy of a bf16 checkpoint, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from dgchat.checkpoint.quantize import quantize
from dgchat.errors import StoppedError
from dgchat.hub.sizes import exact, rounded
from dgchat.model_commands.byte_bar import ByteBar
from dgchat.model_commands.interrupts import signals_interrupt
from dgchat.safe_text import visible


def run_quantize(source: Path, target: Path, out: TextIO, err: TextIO) -> int:
    """Write `source` as NVFP4 to `target`, which goes to `out`, and the rest to `err`; returns the exit code.

    Errors as for `quantize`; StoppedError after ctrl+c or TERM, and nothing is left of what was written.
    """
    try:
        with signals_interrupt(), ByteBar("quantising", err) as bar:
            quantize(source, target, bar.show)
    except KeyboardInterrupt:
        raise StoppedError(
            f"stopped before {target} was whole; nothing of it is kept", hint="the same command starts over"
        ) from None
    files = [path.stat().st_size for path in target.iterdir()]
    before = sum(path.stat().st_size for path in source.iterdir() if path.is_file())
    err.write(f"written as NVFP4: {len(files)} files, {exact(sum(files))}, out of {rounded(before)}\n")
    err.write(f"open it with: dgchat --model {visible(str(target), newlines=False)}\n")
    out.write(f"{target}\n")
    return 0
