"""The file of answers: in order, whole, and taken up again after whatever happened."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
from pathlib import Path

import pytest

from dgchat.batch.answer_file import AnswerFile, AnswerStream, open_answers
from dgchat.batch.row import Asked, BatchRow
from dgchat.errors import DgchatError, UsageError

SETTINGS = "5e77"


def line(number: int, **fields: object) -> bytes:
    answer = {"row": number, "text": "x" * 20, **fields}
    return json.dumps(answer | {"input_sha256": f"d{number}", "settings_sha256": SETTINGS}).encode() + b"\n"


def row(number: int) -> BatchRow:
    return BatchRow(number, number + 1, f"d{number}", {}, Asked((), None))


def put_all(path: Path, numbers: list[int]) -> AnswerFile:
    answers = AnswerFile(path)
    answers.begin(again=False)
    for number in numbers:
        answers.put(number, line(number))
    return answers


def numbers_in(path: Path) -> list[int]:
    return [json.loads(one)["row"] for one in path.read_bytes().splitlines()]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_lines_come_in_the_order_of_the_rows_however_they_finish(tmp_path: Path, order: tuple[int, ...]):
    path = tmp_path / "a.jsonl"
    put_all(path, list(order)).close()
    assert numbers_in(path) == [0, 1, 2, 3]
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_ahead_of_a_missing_row_is_kept_beside_and_joins_it_later(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    put_all(path, [0, 3, 2]).close()
    assert numbers_in(path) == [0]
    again = AnswerFile(path)
    assert sorted(again.done) == [0, 2, 3]
    again.begin(again=False)
    again.put(1, line(1))
    again.close()
    assert numbers_in(path) == [0, 1, 2, 3]
    assert list(tmp_path.iterdir()) == [path]


def test_an_unfinished_last_line_is_cut_off_at_every_byte(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    whole = line(0) + line(1)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        answers = AnswerFile(path)
        missing = [number for number in (0, 1) if number not in answers.done]
        assert len(missing) == 2 - whole[:length].count(b"\n")
        answers.begin(again=False)
        for number in missing:
            answers.put(number, line(number))
        answers.close()
        assert path.read_bytes() == whole


def test_a_death_between_the_two_files_leaves_every_row_once(tmp_path: Path):
    path, beside = tmp_path / "a.jsonl", tmp_path / "a.jsonl.ahead"
    path.write_bytes(line(0) + line(1) + line(2)[:9])
    beside.write_bytes(line(1) + line(2) + line(4) + line(3)[:9])
    answers = AnswerFile(path)
    assert sorted(answers.done) == [0, 1, 2, 4]
    answers.begin(again=False)
    assert numbers_in(path) == [0, 1, 2]
    answers.put(3, line(3))
    answers.close()
    assert path.read_bytes() == b"".join(map(line, range(5)))


def test_every_answer_is_on_the_disk_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[int] = []
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    path = tmp_path / "a.jsonl"
    answers = AnswerFile(path)
    answers.begin(again=False)
    monkeypatch.setattr(os, "fsync", watch)
    answers.put(0, line(0))
    answers.put(2, line(2))
    assert synced == [len(line(0)), len(line(2))]
    answers.put(1, line(1))
    assert synced[2] == len(line(0) + line(1) + line(2))


def test_a_full_disk_leaves_what_was_written_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.jsonl"
    answers = put_all(path, [0])

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            answers.put(1, line(1))
    answers.close()
    assert sorted(AnswerFile(path).done) in ([0], [0, 1])


@pytest.mark.parametrize(
    "content",
    [
        b"my notes",
        b"my notes\n",
        b'{"id": 1}\n',
        line(1),
        line(0) + b"x\n" + line(2),
        line(0) + b"[1",
        b"\xff\n",
    ],
)
def test_a_file_that_is_something_else_is_refused_and_not_touched(tmp_path: Path, content: bytes):
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no answer"):
        open_answers(str(path), "-", io.BytesIO())
    assert path.read_bytes() == content


def test_answers_to_another_input_are_refused(tmp_path: Path):
    put_all(tmp_path / "a.jsonl", [0, 1]).close()
    answers = AnswerFile(tmp_path / "a.jsonl")
    answers.check([row(0), row(1), row(2)], SETTINGS)
    changed = BatchRow(1, 2, "other", {}, Asked((), None))
    with pytest.raises(UsageError, match="answers another row 1 than line 2") as caught:
        answers.check([row(0), changed], SETTINGS)
    assert "--again" in str(caught.value)
    with pytest.raises(UsageError, match="an answer to row 1, the input ends with row 0"):
        answers.check([row(0)], SETTINGS)
    with pytest.raises(UsageError, match="other settings"):
        answers.check([row(0), row(1)], "other")


def test_again_begins_with_an_empty_file(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    put_all(path, [0, 2]).close()
    answers = AnswerFile(path)
    answers.begin(again=True)
    answers.put(0, line(0))
    answers.close()
    assert numbers_in(path) == [0]
    assert list(tmp_path.iterdir()) == [path]


def test_a_stream_gets_lines_in_order_and_at_the_end_those_that_waited_in_vain():
    stream = io.BytesIO()
    answers = AnswerStream(stream)
    for number in (1, 0, 4, 3):
        answers.put(number, line(number))
    assert stream.getvalue() == line(0) + line(1)
    answers.close()
    assert stream.getvalue() == line(0) + line(1) + line(3) + line(4)


def test_what_cannot_be_written_is_refused(tmp_path: Path):
    source = tmp_path / "p.jsonl"
    source.write_bytes(b"")
    for output, words in (
        (tmp_path, "is no file"),
        (tmp_path / "no" / "a", "no folder"),
        (source, "the input"),
    ):
        with pytest.raises(UsageError, match=words):
            open_answers(str(output), str(source), io.BytesIO())


def test_an_error_is_an_answer_that_counts_as_failed(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(0) + line(1, error={"message": "m"}))
    assert [done.is_error for done in AnswerFile(path).done.values()] == [False, True]


def test_two_batches_cannot_write_the_same_file(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    first, second = AnswerFile(path), AnswerFile(path)
    first.begin(again=False)
    with pytest.raises(DgchatError, match="another batch is writing"):
        second.begin(again=False)
    with pytest.raises(DgchatError, match="another batch is writing"):
        AnswerFile(path)
    first.put(0, line(0))
    first.close()
    third = AnswerFile(path)
    third.begin(again=False)
    third.put(1, line(1))
    third.close()
    assert numbers_in(path) == [0, 1]


def test_whoever_begins_second_leaves_the_file_as_it_is(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    second = AnswerFile(path)
    put_all(path, [0, 1]).close()
    with pytest.raises(DgchatError, match="another batch is writing"):
        second.begin(again=True)
    assert numbers_in(path) == [0, 1]
