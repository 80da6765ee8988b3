"""`dgchat view` draws, from the lines of a stream, exactly what the one-shot that wrote them drew."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat.engine.events import CanvasStep, ChatMessage, Event
from dgchat.errors import DgchatError, StreamError
from dgchat.one_shot.answering import Answering
from dgchat.one_shot.canvas_lines import CanvasLines
from dgchat.one_shot.printer import Line
from dgchat.one_shot.viewing import Viewing, read_stream
from dgchat.one_shot.watch import Frames, Watched
from dgchat.replay.jsonl import as_jsonl
from dgchat.replay.recording import Recording
from dgchat.settings import Settings
from dgchat.stream.answered import Answered
from dgchat.ui.pace import Pace
from dgchat_process import run_dgchat
from recorded import recorded_answer, stream_of
from scripted_engine import ANSWER, ScriptedEngine

FIRST_FORMAT = Path(__file__).parents[1] / "replay" / "dgchat-replay-1.jsonl"
LONG = " ".join(f"word{number}" for number in range(70))
HOSTILE = "a \x1b]52;c;aGk=\x07 b\x9b31m \u202ec\td \x7f e 漢字 \n f"
FORBIDDEN = ("\x07", "\x9b", "\u202e", "\x7f", "\x1b]")
PACE = Pace(is_moving=True, frames_per_second=20, is_trailing=True)
FRAME_SECONDS = 0.05


def bytes_of(events: list[Event], last: Answered) -> bytes:
    return "".join(stream_of(events, last)).encode()


def frames_of(watched: Watched, events: list[Event], width: int) -> list[list[Line]]:
    """A frame after every event, and those of the trail, on a clock of its own."""
    frames, now = Frames(watched, CanvasLines(), PACE), 0.0
    drawn: list[list[Line]] = []
    coming = iter(events)
    while (event := next(coming, None)) is not None or not frames.are_over(now):
        if event is not None:
            watched.turn.record(event)
        now += FRAME_SECONDS
        drawn.append(frames.at(now, width))
    return drawn


def live() -> Answering:
    """A one-shot whose model has been loaded."""
    engine = ScriptedEngine()
    answering = Answering([ChatMessage("user", "hello")], Settings(seed=1), lambda loading: engine)
    answering.info = engine.info()
    return answering


@pytest.mark.parametrize("answer", [LONG, HOSTILE, "short"])
@pytest.mark.parametrize("width", [20, 79])
def test_the_frames_of_a_stream_are_those_of_the_live_view(answer: str, width: int) -> None:
    events, last = recorded_answer(answer=answer)
    told = list(read_stream(BytesIO(bytes_of(events, last))))[:-1]
    seen = frames_of(Viewing(BytesIO()), told, width)  # type: ignore[arg-type]
    assert seen == frames_of(live(), events, width)
    assert len(seen) >= len(events)
    shown = "".join(line.text for frame in seen for line in frame)
    assert not [forbidden for forbidden in FORBIDDEN if forbidden in shown]


def test_a_stored_stream_waits_as_long_as_every_step_took() -> None:
    events, last = recorded_answer()
    waits: list[float] = []
    viewing = Viewing(BytesIO(bytes_of(events, last)), waits.append)
    viewing.run()
    assert waits == [event.seconds for event in events if isinstance(event, CanvasStep)]
    assert viewing.answered == last


def test_an_error_that_is_told_is_raised_as_it_was() -> None:
    events, _ = recorded_answer()
    told = DgchatError("It broke.", hint="mend it")
    with pytest.raises(DgchatError, match=r"It broke\. \(mend it\)"):
        Viewing(BytesIO("".join(stream_of(events[:5], told)).encode())).run()


def broken(change: Callable[[list[str]], str]) -> bytes:
    events, last = recorded_answer()
    return change(stream_of(events, last)).encode()


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"", "the stream is empty"),
        (b"hello\n", "this is no stream of dgchat: line 1: it is not JSON"),
        (b"\x7fELF\x02\x01\x01\x00\xff\n", "this is no stream of dgchat"),
        (b"\x00\xff\x00", "this is no stream of dgchat"),
        (b'{"v":1,"event":"pref', "the stream ends in the middle of line 1"),
        (b'{"text":"an answer of --json"}\n', "its version is None"),
        (broken(lambda lines: lines[0].replace('"v":1', '"v":7')), "line 1 of the stream: its version is 7"),
        (broken(lambda lines: "".join(lines[:6])[:-40]), "the stream ends in the middle of line 6"),
        (broken(lambda lines: "".join(lines[:6])), "the stream ends before its answer does"),
        (
            broken(lambda lines: "".join([*lines[:3], "motd\n", *lines[3:]])),
            "line 4 of the stream: it is not",
        ),
        (
            broken(lambda lines: "".join([*lines[:2], *lines[3:]])),
            "line 3 of the stream: it tells only",
        ),
        (b"x" * (8 * 2**20 + 2), "line 1 of the stream is longer than 8 MiB"),
    ],
)
def test_what_cannot_be_shown_is_one_clear_message(stream: bytes, words: str) -> None:
    with pytest.raises(StreamError) as raised:
        Viewing(BytesIO(stream)).run()
    assert words in str(raised.value)


@pytest.mark.parametrize("arguments", [("view", "-"), ("view", "{file}")])
def test_without_a_terminal_the_answer_alone_is_printed(tmp_path: Path, arguments: tuple[str, str]) -> None:
    events, last = recorded_answer()
    file = tmp_path / "stream.jsonl"
    file.write_bytes(bytes_of(events, last))
    command = [argument.format(file=file) for argument in arguments]
    done = run_dgchat(*command, stdin=file.read_bytes())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, ANSWER + "\n", b"")


def test_a_stream_that_is_none_is_exit_code_1_and_one_line_that_steers_nothing() -> None:
    line = json.dumps({"v": "\x1b[31m", "event": "step"}).encode() + b"\n"
    done = run_dgchat("view", "-", stdin=line)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr


def test_a_file_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["view", "/no/such/file"]) == 2
    assert "/no/such/file cannot be read" in capsys.readouterr().err


def test_an_exported_recording_is_shown_as_its_stream_is() -> None:
    events, last = recorded_answer(answer=LONG)
    steps = tuple(event for event in events if isinstance(event, CanvasStep))
    exported = as_jsonl(Recording("hello", steps, last.model, last.seed)).encode()
    told = list(read_stream(BytesIO(exported)))
    ended = told.pop()
    assert isinstance(ended, Answered)
    assert (ended.finished.text, ended.finished.reason) == (last.finished.text, last.finished.reason)
    assert (ended.model, ended.seed, ended.finished.stats.denoising_steps) == (last.model, 3, len(steps))
    assert [step.pieces for step in told if isinstance(step, CanvasStep)] == [step.pieces for step in steps]


def test_a_broken_export_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answer.jsonl"
    events, _ = recorded_answer()
    steps = tuple(event for event in events if isinstance(event, CanvasStep))
    path.write_text(as_jsonl(Recording("hello", steps))[:-60], encoding="utf-8")
    assert run(["view", str(path)]) == 1
    assert "the stream ends in the middle of line" in capsys.readouterr().err


def test_a_recording_in_the_first_format_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["view", str(FIRST_FORMAT)]) == 0
    assert capsys.readouterr().out == "one two three\n"


def test_a_broken_one_of_the_first_format_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answer.jsonl"
    path.write_bytes(FIRST_FORMAT.read_bytes()[:-60])
    assert run(["view", str(path)]) == 2
    assert "is no JSON" in capsys.readouterr().err
