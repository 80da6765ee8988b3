"""Steps as painted rows."""

from __future__ import annotations

import pytest

from dgchat.engine.events import Finished, FinishReason, GenerationStats
from dgchat.replay.frames import CURSOR_STYLE, Frames, Spot
from dgchat.replay.recording import Recording
from dgchat.session.turn import Turn, TurnSettings
from recordings import canvas_of, scripted_recording
from scripted_engine import ANSWER

LEVELS = (0.01, 0.1, 0.5, 1.3)


def frames_of(recording: Recording) -> Frames:
    return Frames(recording, LEVELS, "░▒▓", 60)


def text_of(frames: Frames, index: int, **how: object) -> str:
    rows = frames.rows(index, **how)
    return "\n".join("".join(text for _, text in row.painted) for row in rows)


def styles_of(frames: Frames, index: int, **how: object) -> set[str]:
    return {name for row in frames.rows(index, **how) for name, _ in row.painted}


def test_a_step_looks_the_same_however_one_came_to_it():
    recording = scripted_recording(ANSWER, steps=9)
    forward, jumping = frames_of(recording), frames_of(recording)
    straight = [forward.rows(index) for index in range(9)]
    for index in (8, 2, 5, 0, 7, 3):
        assert jumping.rows(index) == straight[index]


def test_the_last_step_reads_as_the_answer_with_nothing_fresh_in_it():
    frames = frames_of(scripted_recording(ANSWER))
    shown = text_of(frames, 5)
    assert [word for word in ANSWER.split() if word not in shown] == []
    assert "fresh" not in styles_of(frames, 5)


@pytest.mark.parametrize("canvases", [2, 3])
def test_earlier_canvases_stand_above_with_a_rule_between(canvases):
    recording = scripted_recording(" ".join(["word"] * (8 * canvases - 1)), canvas_length=8)
    assert len(recording.canvases) == canvases
    rows = frames_of(recording).rows(len(recording.steps) - 1)
    assert [row.canvas for row in rows] == sorted(row.canvas for row in rows)
    assert sum("┄" in row.painted[-1][1] for row in rows) == canvases - 1


def test_heat_colours_what_has_settled_by_then_and_nothing_else():
    frames = frames_of(Recording("", canvas_of((" a", " b"), (" a", " c"), (" a", " c"), (" a", " d"))))
    assert styles_of(frames, 3, heat=True) == {"gutter", "heat-0", "heat-3"}
    assert "heat-3" not in styles_of(frames, 2, heat=True)


def test_the_cursor_is_on_one_token_alone():
    frames = frames_of(scripted_recording(ANSWER))
    (row,) = [r for r in frames.rows(5, cursor=Spot(0, 1)) if CURSOR_STYLE in dict(r.painted)]
    assert dict(row.painted)[CURSOR_STYLE].strip() == ANSWER.split()[1]


def test_an_answer_that_went_on_is_replayed_from_its_beginning():
    first, second = Turn("hi", TurnSettings()), None
    for step in canvas_of((" a",), (" b",)):
        first.record(step)
    second = Turn("hi", TurnSettings(), replaces=first, begun=" b")
    for step in canvas_of((" c",)):
        second.record(step)
    second.finished = Finished(" c", "", FinishReason.END_OF_TURN, GenerationStats())
    recording = Recording.of(second)
    assert [step.canvas_index for step in recording.steps] == [0, 0, 1]
    assert recording.text == " b c"
