"""Moving through a recording."""

from __future__ import annotations

from dgchat.replay.playhead import PACES, Playhead
from dgchat.replay.recording import Recording
from recordings import canvas_of

TWO_CANVASES = Recording("", canvas_of("ab", "ab", "ab") + canvas_of("cd", "cd", canvas_index=1))


def test_it_begins_at_the_last_step_and_stops_at_both_ends():
    playhead = Playhead(TWO_CANVASES)
    assert playhead.index == 4
    playhead.move(1)
    assert playhead.index == 4
    playhead.move(-100)
    assert playhead.index == 0


def test_canvas_by_canvas_it_stands_at_their_last_steps():
    playhead = Playhead(TWO_CANVASES)
    playhead.move_canvas(-1)
    assert playhead.index == 2
    playhead.go_to(0)
    playhead.move_canvas(1)
    assert playhead.index == 2
    playhead.move_canvas(1)
    assert playhead.index == 4


def test_playing_from_the_end_begins_anew_and_visits_every_step():
    playhead = Playhead(TWO_CANVASES)
    playhead.toggle()
    visited = [playhead.index]
    while playhead.tick():
        visited.append(playhead.index)
    assert visited == [0, 1, 2, 3, 4]
    assert not playhead.is_playing


def test_the_pace_goes_from_a_quarter_to_four_times_at_every_step():
    playhead = Playhead(TWO_CANVASES)
    usual = playhead.seconds_to_next
    playhead.change_pace(9)
    assert (playhead.pace, playhead.seconds_to_next) == (PACES[-1], usual / 4)
    playhead.change_pace(-9)
    assert (playhead.pace, playhead.seconds_to_next) == (PACES[0], usual * 4)


def test_the_last_step_of_a_canvas_stays_longer():
    playhead = Playhead(TWO_CANVASES)
    playhead.go_to(1)
    within = playhead.seconds_to_next
    playhead.go_to(2)
    assert playhead.seconds_to_next > within


def test_one_step_cannot_be_played():
    playhead = Playhead(Recording("", canvas_of("ab")))
    playhead.toggle()
    assert not playhead.is_playing
