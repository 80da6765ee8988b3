"""A real pseudo-terminal is asked what it can do, and what it replies is not left for the shell to read."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys

import pytest

QUESTIONS = b"\x1b[?2026$p\x1b[?u\x1b[c"
ASK = "import json, dataclasses\nfrom dgchat.doctor.replies import ask_terminal\n"
TELL = "print(json.dumps(dataclasses.asdict(ask_terminal())))"


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are a POSIX thing")
@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"\x1b[?2026;2$y\x1b[?1u\x1b[?62;c", [True, True, None]),
        (b"\x1b[?1;2c", [False, False, None]),
        (b"", [None, None, None]),
    ],
)
def test_a_terminal_is_asked_once_and_silence_ends_the_wait(reply: bytes, told: list[bool | None]) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", ASK + TELL], stdin=theirs, stdout=theirs)
    os.close(theirs)
    written = b""
    while QUESTIONS not in written:
        assert select.select([ours], [], [], 20)[0]
        written += os.read(ours, 1024)
    os.write(ours, reply)
    written = b""
    while b"\n" not in written:
        assert select.select([ours], [], [], 20)[0]
        written += os.read(ours, 1024)
    process.wait(timeout=10)
    os.close(ours)
    assert list(json.loads(written).values()) == told
