"""`dgchat models verify`: a line for each file that is in order, or the first fault."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from dgchat.checkpoint.verify import VerifiedFile, verify
from dgchat.hub.sizes import rounded
from dgchat.model_commands.byte_bar import ByteBar
from dgchat.safe_text import visible


def run_verify(folder: Path, out: TextIO, err: TextIO) -> int:
    """Verify a folder: files go to `out`, progress to `err`; returns the exit code.
    CheckpointError for the first fault.
    """
    compared: list[bool] = []
    with ByteBar("reading", err) as bar:

        def tell(file: VerifiedFile) -> None:
            compared.append(file.against is not None)
            bar.hide()
            out.write(f"{visible(_line(file), newlines=False)}\n")
            out.flush()

        verify(folder, tell, bar.show)
    hashes = "hashes" if all(compared) else f"the hashes of {sum(compared)} of {len(compared)} files"
    out.write(f"in order: names, shapes, data types and {hashes}; every weight is a number\n")
    return 0


def _line(file: VerifiedFile) -> str:
    size = rounded(file.num_bytes)
    if file.against is None:
        return f"{file.name}: {size}, sha256 {file.sha256} (nothing here to compare it with)"
    return f"{file.name}: {size}, as the {file.against} has it"
