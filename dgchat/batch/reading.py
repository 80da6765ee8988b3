"""The rows of a file: JSON lines, a CSV, or a prompt a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import TextIO

from dgchat.batch.job import STREAM, BatchJob, digest
from dgchat.batch.row import BatchRow, Fields, parse_object, read_row
from dgchat.errors import DgchatError, UsageError
from dgchat.one_shot.prompt import MAX_PROMPT_BYTES
from dgchat.setting_readers import nearest_name

FORMATS = ("jsonl", "csv", "lines")

_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".txt": "lines"}
_BOM = b"\xef\xbb\xbf"


def read_rows(job: BatchJob, stdin: TextIO) -> list[BatchRow]:
    """All rows of the input; what is wrong with one is kept with it. UsageError if there is nothing to read,
    or no telling in which format.
    """
    form = _format_of(job)
    raw = _read(job.source, stdin).removeprefix(_BOM)
    rows = list(_csv_rows(raw, job.column) if form == "csv" else _line_rows(raw, form))
    if not rows:
        raise UsageError(f"{job.source} holds no rows")
    return rows


def _format_of(job: BatchJob) -> str:
    if job.format is not None:
        return job.format
    if job.source == STREAM:
        return "jsonl"
    form = _BY_SUFFIX.get(Path(job.source).suffix.lower())
    if form is None:
        raise UsageError(
            f"{job.source} does not say what it holds", hint=f"--format {', '.join(FORMATS[:-1])} or lines"
        )
    return form


def _read(source: str, stdin: TextIO) -> bytes:
    if source == STREAM:
        return stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error


def _line_rows(raw: bytes, form: str) -> Iterator[BatchRow]:
    parse: Callable[[str], Fields | DgchatError] = parse_object
    if form == "lines":
        parse = _prompt_alone
    number = 0
    for line, one in enumerate(raw.split(b"\n"), start=1):
        content = one.removesuffix(b"\r")
        if content.strip():
            yield read_row(number, line, digest(content), _decoded(content, parse))
            number += 1


def _prompt_alone(text: str) -> Fields:
    return {"prompt": text}


def _decoded(content: bytes, parse: Callable[[str], Fields | DgchatError]) -> Fields | DgchatError:
    if len(content) > MAX_PROMPT_BYTES:
        return UsageError(f"longer than {MAX_PROMPT_BYTES // 2**20} MiB; that is no prompt")
    try:
        return parse(content.decode())
    except UnicodeDecodeError as error:
        return UsageError(f"not UTF-8 text (byte {error.start} of the line)")


def _csv_rows(raw: bytes, column: str) -> Iterator[BatchRow]:
    csv.field_size_limit(MAX_PROMPT_BYTES)
    # what is no UTF-8 becomes half characters, which make only their own row an error
    reader = csv.reader(StringIO(raw.decode(errors="surrogateescape"), newline=""), strict=True)
    names = _header(reader, column)
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fields, content = UsageError(f"not CSV: {error}"), [str(error)]
        else:
            if not values:
                continue
            fields, content = _named(names, values), values
        yield read_row(number, line, digest(json.dumps(content).encode()), fields, column)
        number += 1


def _header(reader: Iterator[list[str]], column: str) -> list[str]:
    try:
        names: list[str] = next(reader, list[str]())
    except csv.Error as error:
        raise UsageError(f"the first line is not CSV: {error}") from error
    if column not in names:
        nearest = nearest_name(column, names)
        known = f"did you mean {nearest}?" if nearest else f"there are {', '.join(names) or 'none'}"
        raise UsageError(f"there is no column {column!r}", hint=f"--column NAME; {known}")
    return names


def _named(names: list[str], values: list[str]) -> Fields | DgchatError:
    if len(values) != len(names):
        return UsageError(f"{len(values)} fields, but the first line names {len(names)}")
    return dict(zip(names, values, strict=True))
