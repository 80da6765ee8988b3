"""A process of its own for what a stranger wrote: it can be killed, and takes nothing with it.

The sandbox of the templates stops code, but neither time nor memory; a tokenizer may panic, or never end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock, Timer
from typing import Any

from dgchat.chat import rendering
from dgchat.errors import CheckpointError
from dgchat.paths import bundled_model
from dgchat.posix import bound_process

MAX_MEMORY_BYTES = 512 * 2**20
"""Address space beyond what the process has at its start, where the system can bound it."""

LIMIT_SECONDS = 2.0
"""What a template gets for each task."""

TOKENIZER_SECONDS = 20.0
"""What a tokenizer gets to be read and tried: published ones are large."""

_START_SECONDS = 30.0
_MOST_SECONDS = 600
"""Processor seconds after which a process ends by itself, should nobody be left to stop it."""

_FEW_THREADS = {"MALLOC_ARENA_MAX": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Each thread reserves address space, which is what can be bounded."""


def is_our_own(file: str, text: str) -> bool:
    """Whether the text is that of the bundled model's file, which needs no process of its own."""
    return text == _our_own(file)


@cache
def _our_own(file: str) -> str | None:
    try:
        return (bundled_model() / file).read_text(encoding="utf-8")
    except OSError:
        return None


class Stranger:
    """Does tasks in a process that is started when it is needed, and again after it had to be killed."""

    def __init__(self, file: str) -> None:
        """`file`: what an error names."""
        self._file = file
        self._process: subprocess.Popen[bytes] | None = None
        self._compiled = ""
        self._turn = Lock()

    def __del__(self) -> None:
        self.close()

    def compile(self, source: str) -> None:
        """Compile a template, to be rendered later; CheckpointError if it does not compile."""
        with self._turn:
            self._ask({"compile": source}, LIMIT_SECONDS)
            self._compiled = source

    def render(self, messages: list[dict[str, str]], thinking: bool) -> str:
        """Render the template; CheckpointError if that fails, or takes too much of time or memory."""
        with self._turn:
            if self._process is None:
                self._ask({"compile": self._compiled}, LIMIT_SECONDS)
            return self._ask({"render": {"messages": messages, "thinking": thinking}}, LIMIT_SECONDS)

    def try_tokenizer(self, source: str) -> None:
        """Read a tokenizer and use it a little; CheckpointError if that does not work."""
        with self._turn:
            data = source.encode()
            self._ask({"tokenizer": len(data)}, TOKENIZER_SECONDS, data)

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        process.wait()

    def _ask(self, request: dict[str, object], seconds: float, data: bytes = b"") -> str:
        if self._process is None:
            self._process = _start()
            if not self._exchange(b"", _START_SECONDS):
                self.close()
                raise CheckpointError(f"{self._file}: the process that reads it does not start")
            bound_process(self._process.pid, MAX_MEMORY_BYTES, _MOST_SECONDS)
        answer = self._exchange(json.dumps(request).encode() + b"\n" + data, seconds)
        if not answer:
            self.close()
            bounds = f"{seconds:g} seconds or {MAX_MEMORY_BYTES // 2**20} MiB"
            raise CheckpointError(f"{self._file} took more than {bounds}, and was stopped")
        if "failed" in answer:
            raise CheckpointError(f"{self._file} {answer['failed']}")
        return answer["text"] or ""

    def _exchange(self, request: bytes, seconds: float) -> dict[str, Any]:
        """The answer to a request; empty if the process had to be killed, or died."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = Timer(seconds, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            process.stdin.write(request)
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            return {}
        finally:
            watchdog.cancel()
        return json.loads(line) if line.endswith(b"\n") else {}


@lru_cache(maxsize=8)
def try_tokenizer(source: str) -> None:
    """Read a stranger's tokenizer.json elsewhere first; CheckpointError if that does not work."""
    stranger = Stranger("tokenizer.json")
    try:
        stranger.try_tokenizer(source)
    finally:
        stranger.close()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", str(Path(rendering.__file__))],
        env={**os.environ, **_FEW_THREADS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # where Rust tells of its panics
        start_new_session=True,  # ctrl+c is not for it
    )
