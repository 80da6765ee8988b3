"""What happened at each position of a canvas."""

from __future__ import annotations

from dgchat.replay.canvas_history import CanvasHistory
from dgchat.replay.heat import NUM_HEAT_LEVELS, heat_level, heat_ranges
from recordings import canvas_of

STEPS = canvas_of(
    (" island", " big", "."),
    (" village", " big", "!"),
    (" village", " big", "."),
    (" garden", " big", "."),
)


def test_a_token_settles_at_the_step_from_which_it_stayed():
    assert CanvasHistory(STEPS).settle_steps == (4, 1, 3)


def test_the_tokens_of_a_position_are_told_one_after_the_other():
    stays = CanvasHistory(STEPS).stays(0)
    assert [(stay.piece, stay.first_step, stay.num_steps) for stay in stays] == [
        (" island", 1, 1),
        (" village", 2, 2),
        (" garden", 4, 1),
    ]


def test_minds_changed_are_ranked_and_those_that_never_changed_are_left_out():
    minds = CanvasHistory(STEPS).minds_changed
    assert [(mind.position, mind.num_flips) for mind in minds] == [(0, 2), (2, 2)]


def test_what_stands_past_the_end_of_the_turn_is_not_listed():
    ended = canvas_of(*(step.pieces for step in STEPS), end=2)
    assert [mind.position for mind in CanvasHistory(ended).minds_changed] == [0]


def test_a_canvas_of_one_step_has_settled_there_and_changed_nothing():
    history = CanvasHistory(canvas_of(("a", "b")))
    assert history.settle_steps == (1, 1)
    assert history.minds_changed == ()
    assert heat_ranges(history.num_steps) == ((0, 1, 1),)


def test_the_levels_of_a_long_canvas_cover_every_step_once():
    ranges = heat_ranges(48)
    assert [level for level, _, _ in ranges] == list(range(NUM_HEAT_LEVELS))
    covered = [step for _, first, last in ranges for step in range(first, last + 1)]
    assert covered == list(range(1, 49))
    assert heat_level(48, 48) == NUM_HEAT_LEVELS - 1
