"""Files that claim to be recordings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

import pytest

from dgchat.engine.events import (
    CanvasStep,
    ChatMessage,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
)
from dgchat.replay.first_format import ReplayFileError
from dgchat.replay.jsonl import as_jsonl, events_of, read_jsonl
from dgchat.replay.recording import Recording
from dgchat.session.turn import Turn, TurnSettings
from dgchat.stream import MAX_LINE_BYTES
from dgchat.stream.answered import Answered
from dgchat.stream.schema import SCHEMA
from json_schema import faults
from recorded import recorded_answer, stream_of
from recordings import canvas_of, scripted_recording
from scripted_engine import ScriptedEngine

FIRST_FORMAT = Path(__file__).with_name("dgchat-replay-1.jsonl")
HEAD, *STEPS = FIRST_FORMAT.read_text(encoding="utf-8").splitlines()


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
        ([HEAD, '"' + "x" * MAX_LINE_BYTES + '"'], "line 2 is too long"),
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
    assert recording.text == last.finished.text


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


def answered_turn(**script: object) -> Turn:
    """A turn as the chat has it once it is over."""
    turn = Turn("why?", TurnSettings(seed=5, steps=4, alternatives=True))
    engine = ScriptedEngine(answer="one two three", thought="Hm.", steps=4, canvas_length=8, **script)  # pyright: ignore[reportArgumentType]
    request = GenerationRequest((ChatMessage("user", "why?"),), 8, seed=5, record_alternatives=True)
    turn.finished = engine.generate(request, turn.record, Flag())
    return turn


def test_a_file_of_the_first_format_still_reads():
    recording = read_jsonl([HEAD, *STEPS])
    written = scripted_recording("one two three", steps=3, canvas_length=8)
    assert (recording.prompt, recording.model, recording.seed) == ("hello", "scripted", 3)
    assert [step.pieces for step in recording.steps] == [step.pieces for step in written.steps]
    assert recording.text == "one two three"


def test_alternatives_of_the_first_format_still_read():
    lines = FIRST_FORMAT.with_name("dgchat-replay-1-alternatives.jsonl").read_text(encoding="utf-8")
    (step,) = read_jsonl(lines.splitlines()).steps
    (written,) = scripted_recording("one", steps=1, canvas_length=4, alternatives=True).steps
    assert step.alternatives is not None
    assert written.alternatives is not None
    assert step.alternatives.pieces == written.alternatives.pieces


def test_an_export_is_a_stream_that_follows_the_schema():
    for line in as_jsonl(Recording.of(answered_turn(), "scripted 1M")).splitlines():
        assert faults(json.loads(line), SCHEMA) == []


def test_an_export_tells_the_real_figures():
    turn = answered_turn(dropped_turns=2)
    told = [json.loads(line) for line in as_jsonl(Recording.of(turn, "scripted 1M")).splitlines()]
    assert (told[0]["prompt"], told[0]["prompt_tokens"], told[0]["dropped_turns"]) == ("why?", 20, 2)
    assert (told[-1]["text"], told[-1]["thought"]) == ("one two three", "Hm.")
    assert told[-1]["stats"]["denoising_steps"] == 4
    assert told[-1]["settings"]["steps"] == 4


def test_an_export_of_a_stored_turn_tells_what_is_stored_of_the_prompt():
    turn = answered_turn()
    turn.prefilled = None
    (prefilled, *_) = events_of(Recording.of(turn))
    assert prefilled.prompt_tokens == 20


def test_what_was_exported_is_read_whole():
    written = Recording.of(answered_turn(), "scripted 1M")
    read = read_jsonl(as_jsonl(written).splitlines())
    assert (read.prompt, read.finished, read.settings) == (written.prompt, written.finished, written.settings)
    assert [step.alternatives.pieces for step in read.steps] == [s.alternatives.pieces for s in written.steps]


def test_an_answer_that_went_on_is_exported_whole():
    first = answered_turn()
    then = Turn("why?", TurnSettings(seed=6), replaces=first, begun=first.text)
    then.finished = Finished(" four", "", FinishReason.END_OF_TURN, GenerationStats(generated_tokens=1))
    *_, last = events_of(Recording.of(then))
    assert isinstance(last, Answered)
    assert (last.finished.text, last.finished.stats.generated_tokens) == ("one two three four", 4)


def test_thought_is_no_text_even_where_only_the_steps_are_known():
    (step,) = canvas_of(["<think>", "hm", "</think>", "caf", "", "!"])
    step = replace(step, thought=bytes([1, 1, 1, 0, 0, 0]), joined=((3, 5, "café"),))
    *_, committed, last = events_of(Recording("why?", (step,)))
    assert committed.text == last.finished.text == "café!"
    assert last.finished.thought == "<think>hm</think>"
