"""Rows out of JSON lines, CSV and plain lines; what is wrong with one stays with it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from dgchat.batch.job import BatchJob
from dgchat.batch.reading import read_rows
from dgchat.batch.row import Asked, BatchRow
from dgchat.engine.events import MAX_SEED
from dgchat.errors import DgchatError, UsageError


def rows_of(tmp_path: Path, name: str, content: bytes, **options: str) -> list[BatchRow]:
    path = tmp_path / name
    path.write_bytes(content)
    return read_rows(BatchJob(str(path), **options), io.TextIOWrapper(io.BytesIO()))


def prompts(rows: list[BatchRow]) -> list[str]:
    return [row.asked.messages[-1].text for row in rows if isinstance(row.asked, Asked)]


def complaint(row: BatchRow) -> str:
    assert isinstance(row.asked, DgchatError)
    return str(row.asked)


def test_json_lines_have_prompts_or_messages_and_keep_all_other_fields(tmp_path: Path):
    lines = [{"prompt": "a", "id": [1]}, {"messages": [{"role": "user", "content": "b"}], "x": None}]
    rows = rows_of(tmp_path, "p.jsonl", "\n".join(map(json.dumps, lines)).encode())
    assert prompts(rows) == ["a", "b"]
    assert [row.fields for row in rows] == lines
    assert [(row.number, row.line) for row in rows] == [(0, 1), (1, 2)]


def test_blank_lines_are_no_rows_and_count_as_lines(tmp_path: Path):
    rows = rows_of(tmp_path, "p.txt", b"\xef\xbb\xbfone\r\n\r\n  \ntwo")
    assert [(row.number, row.line) for row in rows] == [(0, 1), (1, 4)]
    assert prompts(rows) == ["one", "two"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"not json", "not JSON"),
        (b'["prompt"]', "a JSON list, not an object"),
        (b'{"prompt": NaN}', "not JSON"),
        (b'{"prompt": "x", "y": 1e999}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"prompt": "\xff"}', "not UTF-8 text (byte 12 of the line)"),
        (b'{"prompt": 3}', "prompt is a int, not a text"),
        (b'{"prompt": "  "}', "the prompt is empty"),
        (b'{"prompt": "\\ud800"}', "not valid UTF-8"),
        (b'{"id": 1}', "neither prompt nor messages"),
        (b'{"prompt": "x", "messages": []}', "both prompt and messages"),
        (b'{"messages": "x"}', "messages is a str, not a list"),
        (b'{"messages": ["x"]}', "is no message"),
        (b'{"prompt": "x", "seed": -1}', "seed is -1"),
        (b'{"prompt": "x", "seed": true}', "seed is True"),
        (b'{"prompt": "x", "seed": 1.5}', "seed is 1.5"),
        (b'{"prompt": "look @cat.png"}', "images are not read yet"),
    ],
)
def test_a_bad_row_is_an_error_with_its_line_and_the_next_is_read(tmp_path: Path, line: bytes, words: str):
    rows = rows_of(tmp_path, "p.jsonl", b"\n" + line + b'\n{"prompt": "fine"}\n')
    assert words in complaint(rows[0])
    assert (rows[0].number, rows[0].line) == (0, 2)
    assert prompts(rows) == ["fine"]


@pytest.mark.parametrize("seed", [0, 7, MAX_SEED])
def test_a_row_may_have_a_seed(tmp_path: Path, seed: int):
    in_json = rows_of(tmp_path, "p.jsonl", json.dumps({"prompt": "x", "seed": seed}).encode())
    in_csv = rows_of(tmp_path, "p.csv", f"prompt,seed\nx,{seed}\ny,\n".encode())
    assert [row.asked.seed for row in (*in_json, *in_csv) if isinstance(row.asked, Asked)] == [
        seed,
        seed,
        None,
    ]


def test_a_csv_has_its_prompts_in_a_column_and_keeps_the_others(tmp_path: Path):
    content = 'id,question,prompt\n1,"two\nlines, ""quoted""",no\n2,short,no\n'
    rows = rows_of(tmp_path, "p.csv", content.encode(), column="question")
    assert prompts(rows) == ['two\nlines, "quoted"', "short"]
    assert rows[0].fields == {"id": "1", "question": 'two\nlines, "quoted"', "prompt": "no"}
    assert [row.line for row in rows] == [2, 4]


def test_a_row_of_a_csv_with_too_few_fields_or_bad_bytes_is_an_error(tmp_path: Path):
    rows = rows_of(tmp_path, "p.csv", b'id,prompt\n1\n2,\xff\n3,"a"b\n4,fine\n')
    assert [complaint(row).split(" (")[0] for row in rows[:3]] == [
        "1 fields, but the first line names 2",
        "the prompt is not valid UTF-8",
        "not CSV: ',' expected after '\"'",
    ]
    assert prompts(rows) == ["fine"]


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path):
    with pytest.raises(UsageError, match="no column 'prompts'") as caught:
        rows_of(tmp_path, "p.csv", b"id,prompt\n1,x\n", column="prompts")
    assert "did you mean prompt?" in str(caught.value)


def test_the_format_is_the_suffix_or_what_is_said(tmp_path: Path):
    assert prompts(rows_of(tmp_path, "p.NDJSON", b'{"prompt": "x"}')) == ["x"]
    assert prompts(rows_of(tmp_path, "p.jsonl", b'{"prompt": "x"}', format="lines")) == ['{"prompt": "x"}']
    with pytest.raises(UsageError, match="does not say what it holds") as caught:
        rows_of(tmp_path, "p.dat", b"x")
    assert "--format" in str(caught.value.hint)


def test_standard_input_holds_json_lines_unless_said_otherwise():
    def read(content: bytes, form: str | None) -> list[BatchRow]:
        return read_rows(BatchJob("-", format=form), io.TextIOWrapper(io.BytesIO(content)))

    assert prompts(read(b'{"prompt": "x"}\n', None)) == ["x"]
    assert prompts(read(b"x\ny\n", "lines")) == ["x", "y"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"prompt\n"])
def test_an_input_without_rows_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(UsageError, match="holds no rows"):
        rows_of(tmp_path, "p.csv" if content.startswith(b"p") else "p.jsonl", content)


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_rows(BatchJob("/nowhere/p.jsonl"), io.TextIOWrapper(io.BytesIO()))


def test_a_changed_row_has_another_digest(tmp_path: Path):
    one, other = rows_of(tmp_path, "p.txt", b"same\nsame\n")
    assert one.digest == other.digest
    assert rows_of(tmp_path, "q.txt", b"same \n")[0].digest != one.digest
