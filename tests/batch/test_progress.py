"""How far a batch is, in words and as a bar."""

from __future__ import annotations

import io

from dgchat.batch.progress import BatchBar, BatchCounts, BatchLines


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_counts_tell_rows_failures_speed_and_the_time_left():
    clock = Clock()
    counts = BatchCounts(10, 2, 1, clock)
    assert counts.words() == "2 of 10 rows, 1 failed, no row is done yet"
    clock.now += 4
    counts.add(30)
    counts.add(None)
    assert counts.words() == "4 of 10 rows, 2 failed, 8 tok/s, 0:00:12 left"
    for _ in range(6):
        counts.add(10)
    assert counts.is_over
    assert counts.words() == "10 of 10 rows, 2 failed, 22 tok/s in 0:00:04"


def test_a_line_is_written_for_every_tenth_of_the_rows_and_every_minute():
    clock, out = Clock(), io.StringIO()
    lines, counts = BatchLines(out, clock), BatchCounts(1000, 0, 0, clock)
    for _ in range(150):
        clock.now += 0.1
        counts.add(1)
        lines.show(counts)
    assert out.getvalue().count("\n") == 1
    clock.now += 61
    lines.show(counts)
    lines.show(counts)
    assert [line.split(",")[0] for line in out.getvalue().splitlines()] == [
        "dgchat: 100 of 1000 rows",
        "dgchat: 150 of 1000 rows",
    ]
    assert "\x1b" not in out.getvalue()


def test_the_bar_shows_rows_and_speed():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    clock, out = Clock(), Terminal()
    counts = BatchCounts(4, 0, 0, clock)
    with BatchBar(out) as bar:
        clock.now += 2
        counts.add(20)
        bar.show(counts)
    assert "1/4" in out.getvalue()
    assert "10 tok/s, 0:00:06 left" in out.getvalue()
