"""Files that claim to be recordings."""

from __future__ import annotations

import json

import pytest

from dgchat.engine.events import CanvasStep
from dgchat.replay.jsonl import MAX_LINE_CHARACTERS, ReplayFileError, as_jsonl, read_jsonl
from recorded import recorded_answer, stream_of
from recordings import scripted_recording

HEAD, *STEPS = as_jsonl(scripted_recording("one two three", steps=3, canvas_length=8)).splitlines()


def with_field(line: str, **fields: object) -> str:
    return json.dumps(json.loads(line) | fields)


def without_field(line: str, name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(line).items() if key != name})


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "line 1 is no JSON"),
        (["hello"], "line 1 is no JSON"),
        (["[1]"], "line 1 is no JSON object"),
        (["{}"], "no recording of dgchat"),
        ([with_field(HEAD, version=2)], "version 2"),
        ([HEAD], "no steps"),
        ([HEAD, "{"], "line 2 is no JSON"),
        ([HEAD, STEPS[0], STEPS[0]], "line 3 is not the step that follows"),
        ([HEAD, STEPS[0], STEPS[2]], "line 3 is not the step that follows"),
        ([HEAD, without_field(STEPS[0], "ids")], "line 2 has no 'ids'"),
        ([HEAD, with_field(STEPS[0], ids=[1])], "different lengths"),
        ([HEAD, with_field(STEPS[0], ids=["a"] * 8)], "line 2 is no step"),
        ([HEAD, with_field(STEPS[0], ids=[2**40] * 8)], "line 2 is no step"),
        ([HEAD, with_field(STEPS[0], pieces=[1] * 8)], "no texts"),
        ([HEAD, with_field(STEPS[0], entropy_levels=[300] * 8)], "from 0 to 255"),
        ([HEAD, with_field(STEPS[0], seconds=float("nan"))], "a number is missing"),
        ([HEAD, with_field(STEPS[0], end=99)], "ends behind its canvas"),
        ([HEAD, with_field(STEPS[0], alternatives=3)], "line 2 is no step"),
        (
            [HEAD, with_field(STEPS[0], alternatives={"ids": [], "pieces": [], "probabilities": []})],
            "lengths",
        ),
        ([HEAD, '"' + "x" * MAX_LINE_CHARACTERS + '"'], "line 2 is too long"),
        ([HEAD, "[" * 100_000], "line 2 is no JSON"),
    ],
)
def test_what_is_no_recording_is_said_with_its_line(lines: list[str], complaint: str):
    with pytest.raises(ReplayFileError, match=complaint) as caught:
        read_jsonl(lines)
    assert caught.value.exit_code == 2


def test_empty_lines_are_passed_over():
    assert len(read_jsonl(["", HEAD, "", *STEPS, ""]).steps) == 3


def test_what_jsonl_streams_is_a_recording_too():
    events, last = recorded_answer(seed=5)
    recording = read_jsonl(stream_of(events, last))
    steps = [event for event in events if isinstance(event, CanvasStep)]
    assert [step.pieces for step in recording.steps] == [step.pieces for step in steps]
    assert (recording.model, recording.seed, recording.prompt) == ("scripted 1M", 5, "")


def test_a_stream_that_ends_early_is_played_as_far_as_it_goes():
    events, last = recorded_answer()
    assert len(read_jsonl(stream_of(events, last)[:6]).steps) == 4


def test_what_is_wrong_with_a_stream_is_said_with_its_line():
    lines = stream_of(*recorded_answer())
    for broken, complaint in (
        ([*lines[:4], lines[4][:50]], "line 5: it is not JSON"),
        ([*lines[:4], lines[3]], "line 5 is not the step that follows"),
        (lines[:2], "the stream has no steps"),
        ([lines[0].replace('"v":1', '"v":2')], "line 1: its version is 2"),
    ):
        with pytest.raises(ReplayFileError, match=complaint):
            read_jsonl(broken)
