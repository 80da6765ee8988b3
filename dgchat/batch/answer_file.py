"""The file of answers: in the order of the input, each on the disk as soon as it is there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from dgchat.batch.job import STREAM
from dgchat.batch.row import BatchRow
from dgchat.errors import DgchatError, UsageError
from dgchat.posix import lock_alone

AGAIN = "--again answers all rows anew, or name another file with -o"
OTHER_FILE = "name another file with -o"


@dataclass(frozen=True, slots=True)
class Done:
    """An answer that is in the file."""

    input_sha256: object
    settings_sha256: object
    is_error: bool

    @classmethod
    def of(cls, line: bytes) -> Done:
        """What a line says about itself."""
        answer = _object(line)
        return cls(answer.get("input_sha256"), answer.get("settings_sha256"), "error" in answer)


class AnswerFile:
    """Lines of JSON that begin with their row's number; `done` are those that an earlier run has left.

    An answer that is ahead of an earlier row goes into a file beside, and from there into its place, so what
    is finished survives whatever happens, and no row is in the file twice. A file that is there already is
    locked from the beginning, another once it is made: two batches cannot write the same.
    """

    def __init__(self, path: Path) -> None:
        """DgchatError if another batch is writing it."""
        self._path = path
        self._locked = _locked(path, "r+b") if path.exists() else None
        self._ahead_path = path.with_name(path.name + ".ahead")
        self._lines: BinaryIO | None = None
        self._ahead_lines: BinaryIO | None = None
        self._kept_bytes, in_place = _whole_lines(path, is_ahead=False)
        self._ahead_bytes, ahead = _whole_lines(self._ahead_path, is_ahead=True)
        self._next = len(in_place)
        self._ahead = {number: line for number, line in ahead.items() if number >= self._next}
        self.done = {number: Done.of(line) for number, line in {**in_place, **self._ahead}.items()}
        """The answers by their row's number."""

    def check(self, rows: Sequence[BatchRow], settings: str) -> None:
        """UsageError unless every answer in the file is one to these rows, with these settings."""
        for number, done in self.done.items():
            if number >= len(rows):
                raise UsageError(
                    f"{self._path} has an answer to row {number}, the input ends with row {len(rows) - 1}",
                    hint=AGAIN,
                )
            if done.input_sha256 != rows[number].digest:
                raise UsageError(
                    f"{self._path} answers another row {number} than line {rows[number].line} of the input",
                    hint=AGAIN,
                )
            if done.settings_sha256 != settings:
                raise UsageError(f"{self._path} was answered with other settings", hint=AGAIN)

    def begin(self, *, again: bool) -> None:
        """Open for writing: behind the whole lines there are, or with nothing if all is to be done again.
        DgchatError if another batch has begun it in the meantime.
        """
        if self._locked is None:
            locked = _locked(self._path, "ab")
            if self._path.stat().st_size:  # and it may be done already
                locked.close()
                raise _taken(self._path)
            self._locked = locked
        if again:
            self._kept_bytes = self._ahead_bytes = self._next = 0
            self._ahead, self.done = {}, {}
        self._lines = _opened(self._path, self._kept_bytes)
        self._ahead_lines = _opened(self._ahead_path, self._ahead_bytes)
        _sync_folder(self._path)
        self._put_in_place([])

    def put(self, number: int, line: bytes) -> None:
        """Keep the line of a row; once this returns, it is on the disk."""
        assert self._ahead_lines is not None
        if number == self._next:
            self._next += 1
            self._put_in_place([line])
        else:
            self._ahead[number] = line
            _append(self._ahead_lines, line)

    def close(self) -> None:
        """Close the files; the one beside goes if nothing is ahead."""
        for file in (self._lines, self._ahead_lines):
            if file is not None:
                file.close()
        if self._ahead_lines is not None and not self._ahead:
            self._ahead_path.unlink(missing_ok=True)
        if self._locked is not None:
            self._locked.close()

    def _put_in_place(self, lines: list[bytes]) -> None:
        """Add lines, and those that were only waiting for them."""
        assert self._lines is not None
        assert self._ahead_lines is not None
        while (line := self._ahead.pop(self._next, None)) is not None:
            lines.append(line)
            self._next += 1
        if lines:
            _append(self._lines, b"".join(lines))
        if not self._ahead:
            self._ahead_lines.truncate(0)


class AnswerStream:
    """The same for a pipe or a terminal, where nothing can be taken up again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._next = 0
        self._ahead: dict[int, bytes] = {}
        self.done: dict[int, Done] = {}

    def check(self, rows: Sequence[BatchRow], settings: str) -> None:
        """There is nothing yet that could be an answer to something else."""

    def begin(self, *, again: bool) -> None:
        """All rows are answered in any case."""

    def put(self, number: int, line: bytes) -> None:
        """Write the line, or keep it until those before it have been written."""
        self._ahead[number] = line
        while (line := self._ahead.pop(self._next, b"")) != b"":
            self._stream.write(line)
            self._next += 1
        self._stream.flush()

    def close(self) -> None:
        """Write what is there although an earlier row is missing."""
        for number in sorted(self._ahead):
            self._stream.write(self._ahead.pop(number))
        self._stream.flush()


def open_answers(output: str, source: str, stdout: BinaryIO) -> AnswerFile | AnswerStream:
    """The file of that name, which `source` must not be, or for `-` the stream; UsageError if it cannot be
    used.
    """
    path = Path(output)
    if output == STREAM:
        return AnswerStream(stdout)
    if path.exists() and not path.is_file():
        raise UsageError(f"-o {output} is no file", hint="- writes to standard output")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {path.absolute().parent}")
    if path.exists() and source != STREAM and path.samefile(source):
        raise UsageError(f"-o {output} is the input", hint=OTHER_FILE)
    return AnswerFile(path)


def _whole_lines(path: Path, *, is_ahead: bool) -> tuple[int, dict[int, bytes]]:
    """Bytes of the whole lines, and these by their row's number; UsageError if it is no file of answers.

    An unfinished last line does not count, but it must be the beginning of an answer: no file that is
    something else is ever cut.
    """
    raw = path.read_bytes() if path.exists() else b""
    lines = raw.splitlines(keepends=True) if raw else []
    by_number: dict[int, bytes] = {}
    torn = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
    for index, line in enumerate(lines):
        number = _object(line).get("row")
        if not isinstance(number, int) or (not is_ahead and number != index):
            raise UsageError(f"line {index + 1} of {path} is no answer to row {index}", hint=OTHER_FILE)
        by_number[number] = line
    opening = b'{"row": ' if is_ahead else b'{"row": %d, ' % len(lines)
    if not (torn.startswith(opening) or opening.startswith(torn.rstrip(b"\0"))):
        raise UsageError(f"the last line of {path} is no answer", hint=OTHER_FILE)
    return len(raw) - len(torn), by_number


def _object(line: bytes) -> Mapping[str, object]:
    with suppress(ValueError, RecursionError):
        value: object = json.loads(line)
        if isinstance(value, dict):
            return cast("dict[str, object]", value)
    return {}


def _locked(path: Path, mode: Literal["r+b", "ab"]) -> BinaryIO:
    file = path.open(mode)
    if not lock_alone(file.fileno()):
        file.close()
        raise _taken(path)
    return file


def _taken(path: Path) -> DgchatError:
    return DgchatError(f"another batch is writing {path}", hint="wait for it, or name another file with -o")


def _opened(path: Path, kept_bytes: int) -> BinaryIO:
    file = path.open("ab")
    if path.stat().st_size != kept_bytes:
        file.truncate(kept_bytes)
    return file


def _append(file: BinaryIO, lines: bytes) -> None:
    file.write(lines)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make sure that the names of new files are on the disk too, where a folder can be opened."""
    with suppress(OSError):
        folder = os.open(path.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
