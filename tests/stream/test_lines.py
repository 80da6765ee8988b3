"""Events to lines and back: nothing is lost, nothing is believed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dgchat.engine.events import CanvasStep, Event, Prefilled, Prefilling
from dgchat.errors import StreamError, UsageError
from dgchat.stream.lines import Decoder, Encoder, StreamEvent, ToldError
from recorded import made_up_canvas, recorded_answer, stream_of
from recordings import scripted_recording

LONG = " ".join(f"word{number}" for number in range(70))


def read(lines: list[str]) -> list[StreamEvent]:
    decoder = Decoder()
    return [decoder.decode(line) for line in lines]


def same(one: StreamEvent, other: StreamEvent) -> bool:
    """Equal but for the digits of times that are not written."""
    if isinstance(one, CanvasStep) and isinstance(other, CanvasStep):
        other = (
            replace(other, token_ids=one.token_ids) if list(one.token_ids) == list(other.token_ids) else other
        )
        other = replace(other, seconds=one.seconds, temperature=one.temperature)
    return one == other


@pytest.mark.parametrize("answer", [LONG, "short", "a \x1b]52;c;aGk=\x07 b\u202e \n c"])
def test_what_is_read_is_what_was_written(answer: str) -> None:
    events, last = recorded_answer(answer=answer, thought="Hm.", prefilling=Prefilling(512, 1300))
    for one, other in zip([*events, last], read(stream_of(events, last)), strict=True):
        assert same(one, other)


def test_an_error_keeps_its_words_and_its_exit_code() -> None:
    told = Decoder().decode(Encoder().encode(UsageError("It broke.", hint="mend it")))
    assert isinstance(told, ToldError)
    assert (told.message, told.hint, told.exit_code) == ("It broke.", "mend it", 2)


def test_every_line_is_ascii_and_one_line() -> None:
    events, last = recorded_answer(answer="a \x1b[31m\u2028 ü \n b")
    for line in stream_of(events, last):
        assert line.isascii()
        assert line.endswith("\n")
        assert line[:-1].isprintable()


def test_a_piece_is_told_once_unless_it_changes() -> None:
    events, last = recorded_answer(answer=LONG)
    told: dict[str, str] = {}
    for line in map(json.loads, stream_of(events, last)):
        for token_id, piece in line.get("pieces", {}).items():
            assert told.get(token_id) != piece
            told[token_id] = piece


def test_a_step_of_256_tokens_takes_at_most_one_and_a_half_kilobytes() -> None:
    encoder = Encoder()
    sizes = [len(encoder.encode(step)) for step in made_up_canvas()]
    assert sum(sizes) / len(sizes) <= 1536
    assert sum(sizes) <= 72 * 1024


def marked_step() -> CanvasStep:
    """A step with all that a step may have."""
    (step,) = scripted_recording("one", steps=1, canvas_length=16, alternatives=True).steps
    return replace(step, thought=bytes([0, 1] * 8), joined=((0, 2, "é"), (3, 4, "\x1b")))


def test_what_a_step_may_have_is_read_as_it_was_written() -> None:
    written = marked_step()
    read = Decoder().decode(Encoder().encode(written))
    assert isinstance(read, CanvasStep)
    assert (read.joined, read.thought) == (written.joined, written.thought)
    assert read.alternatives is not None
    assert written.alternatives is not None
    assert list(read.alternatives.token_ids) == list(written.alternatives.token_ids)
    assert read.alternatives.pieces == written.alternatives.pieces
    assert list(read.alternatives.probabilities) == pytest.approx(
        list(written.alternatives.probabilities), abs=1e-4
    )


def test_the_prompt_is_told_with_the_first_line() -> None:
    decoder = Decoder()
    decoder.decode(Encoder("why?").encode(Prefilled(1, 0, 0, 0.1)))
    assert decoder.prompt == "why?"


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("joined", 3, "list of spans"),
        ("joined", [[0, 2]], "list of spans"),
        ("joined", [[2, 2, "x"]], "list of spans"),
        ("joined", [[0, 17, "x"]], "list of spans"),
        ("joined", [[0, 3, "x"], [2, 4, "y"]], "list of spans"),
        ("joined", [[False, 3, "x"]], "list of spans"),
        ("thought", "AAAA", "more or fewer"),
        ("thought", 1, "text"),
        ("alternatives", [], "an object"),
        ("alternatives", {"ids": "AAAA", "probabilities": "AAA="}, "5 a position"),
        ("alternatives", {"ids": "AAAA"}, "no probabilities"),
    ],
)
def test_what_a_step_may_have_is_refused_if_it_does_not_fit(field: str, value: object, word: str) -> None:
    with pytest.raises(StreamError, match=word):
        Decoder().decode(json.dumps({**step_line(), field: value}))


def test_unknown_fields_are_skipped() -> None:
    events, last = recorded_answer()
    lines = [json.dumps({**json.loads(line), "later": [1]}) for line in stream_of(events, last)]
    assert len(read(lines)) == len(lines)


@pytest.mark.parametrize("version", [2, 0, "1", None, True, [1]])
def test_another_version_is_refused_with_its_name(version: object) -> None:
    with pytest.raises(StreamError, match=r"version is .*reads version 1.*same dgchat"):
        Decoder().decode(json.dumps({"v": version, "event": "prefilled"}))


@pytest.mark.parametrize("line", ["", "{", "hello", "[" * 100_000, b"\xff\xfe", b"\x00\x01"])
def test_what_is_no_json_is_refused(line: str | bytes) -> None:
    with pytest.raises(StreamError, match="not JSON"):
        Decoder().decode(line)


@pytest.mark.parametrize("line", ["[]", "3", '"x"', "null"])
def test_what_is_no_object_is_refused(line: str) -> None:
    with pytest.raises(StreamError, match="not a JSON object"):
        Decoder().decode(line)


def step_line() -> dict[str, object]:
    return json.loads(Encoder().encode(made_up_canvas(length=16, steps=1)[0]))


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("entropies", "", "0 tokens"),
        ("entropies", "!!", "base64"),
        ("entropies", 7, "text"),
        ("entropies", "AAAA" * 30_000, "90000 tokens"),
        ("accepted", "AAAA", "more or fewer"),
        ("changed", "AAA=", "ids are not as many"),
        ("ids", "AAAA", "ids are not as many"),
        ("ids", "////" * 16, "no piece"),
        ("pieces", {"x": "y"}, "token ids"),
        ("pieces", {"1": 2}, "1 is not text"),
        ("pieces", [], "an object"),
        ("step", 0, "whole number from 1"),
        ("step", 1.5, "whole number"),
        ("step", True, "whole number"),
        ("seconds", float("nan"), "number"),
        ("seconds", -1, "number"),
        ("temperature", "hot", "number"),
        ("end", 16, "beyond"),
        ("end", -1, "whole number"),
        ("event", "stepp", "there are prefilling"),
    ],
)
def test_a_step_that_does_not_fit_itself_is_refused(field: str, value: object, word: str) -> None:
    with pytest.raises(StreamError, match=word):
        Decoder().decode(json.dumps({**step_line(), field: value}))


@pytest.mark.parametrize("field", sorted(step_line()))
def test_a_step_without_one_of_its_fields_is_refused(field: str) -> None:
    line = step_line()
    del line[field]
    with pytest.raises(StreamError):
        Decoder().decode(json.dumps(line))


def test_a_stream_that_begins_in_the_middle_is_refused() -> None:
    events, last = recorded_answer()
    steps = [line for line in stream_of(events, last) if '"event":"step"' in line]
    with pytest.raises(StreamError, match="missing"):
        Decoder().decode(steps[3])


def test_a_canvas_that_changes_its_length_is_refused() -> None:
    decoder = Decoder()
    decoder.decode(Encoder().encode(made_up_canvas(length=16, steps=1)[0]))
    with pytest.raises(StreamError, match="not as long"):
        decoder.decode(Encoder().encode(made_up_canvas(length=24, steps=1)[0]))


def test_no_wreck_of_a_line_is_anything_but_a_stream_error() -> None:
    events, last = recorded_answer()
    for line in stream_of(events, last):
        for cut in range(0, len(line) - 1, 97):
            for wreck in (line[:cut], line[:cut] + line[cut + 5 :]):
                decoder = Decoder()
                try:
                    decoder.decode(wreck)
                except StreamError:
                    continue


def _steps(events: list[Event]) -> list[CanvasStep]:
    return [event for event in events if isinstance(event, CanvasStep)]


def test_the_canvas_of_a_step_that_was_read_stays_as_it_was() -> None:
    events, last = recorded_answer(answer=LONG)
    decoded = [event for event in read(stream_of(events, last)) if isinstance(event, CanvasStep)]
    assert [list(step.token_ids) for step in decoded] == [list(step.token_ids) for step in _steps(events)]
