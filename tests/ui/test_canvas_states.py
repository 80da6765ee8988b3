"""Which tokens are settled, fresh, draft or noise."""

from __future__ import annotations

from array import array
from dataclasses import replace

from dgchat.engine.events import CanvasStep, level_of_entropy
from dgchat.ui.widgets.canvas_states import FRESH_SECONDS, CanvasStates
from dgchat.ui.widgets.drawn_token import State

LEVELS = (0.01, 0.1, 0.5, 1.3)
END = "<eos>"


def step(number: int, words: str, nats: float = 0.001, end: int | None = None) -> CanvasStep:
    pieces = tuple(words.split(" "))
    return CanvasStep(
        canvas_index=0,
        step=number,
        max_steps=48,
        temperature=0.5,
        token_ids=array("q", [sum(map(ord, piece)) for piece in pieces]),
        pieces=pieces,
        entropy_levels=bytes([level_of_entropy(nats)] * len(pieces)),
        accepted=bytes(len(pieces)),
        seconds=0.01,
        end=end,
    )


def watch(*steps: CanvasStep, gap: float = 1.0) -> CanvasStates:
    states = CanvasStates(LEVELS)
    for number, event in enumerate(steps):
        states.observe(event, number * gap)
    return states


def states_of(states: CanvasStates, now: float) -> list[State]:
    return [token.state for token in states.tokens(now)]


def test_a_first_step_has_drafts_and_noise_and_nothing_settled():
    assert states_of(watch(step(1, "a b", nats=0.3)), 0.0) == [State.DRAFT, State.DRAFT]
    assert states_of(watch(step(1, "a b", nats=3.0)), 0.0) == [State.NOISE, State.NOISE]
    assert watch(step(1, "a b")).settled_fraction == 0.0


def test_a_sure_token_that_stayed_is_fresh_for_a_moment_and_then_settled():
    states = watch(step(1, "a b"), step(2, "a c"))
    assert states_of(states, 1.0) == [State.FRESH, State.DRAFT]
    assert states_of(states, 1.0 + FRESH_SECONDS) == [State.SETTLED, State.DRAFT]
    assert states.fresh_ends(1.0 + FRESH_SECONDS)


def test_an_unsure_token_must_stay_longer():
    two = watch(step(1, "a", nats=0.4), step(2, "a", nats=0.4))
    three = watch(*(step(number, "a", nats=0.4) for number in (1, 2, 3)))
    assert states_of(two, 9.0) == [State.DRAFT]
    assert states_of(three, 9.0) == [State.SETTLED]


def test_a_token_that_comes_back_does_not_flash_again():
    states = watch(*(step(number, word) for number, word in enumerate("aabaa", 1)))
    assert states_of(states, 4.0) == [State.SETTLED]


def test_a_settled_token_that_changes_is_marked_and_counted():
    states = watch(step(1, "a b"), step(2, "a b"), step(3, "x b"))
    assert states.num_overturned == 1
    assert [token.is_overturned for token in states.tokens(2.0)] == [True, False]


def test_nothing_is_drawn_past_a_stable_end():
    words = f"Oslo. {END} {END} {END}"
    states = watch(step(1, words, end=1), step(2, words, end=1))
    assert [token.text for token in states.tokens(1.0)] == ["Oslo."]
    assert states.settled_fraction == 1.0


def test_what_stands_past_an_unstable_end_is_dim_and_its_padding_left_out():
    states = watch(step(1, f"Oslo. {END} maybe {END} {END}", end=1))
    assert [(token.text, token.is_past_end) for token in states.tokens(0.0)] == [
        ("Oslo.", False),
        ("·", True),
        ("maybe", True),
    ]


def test_padding_of_another_kind_than_the_end_is_left_out_too():
    states = watch(step(1, f"Oslo. {END} <pad> <pad> <pad>", end=1))
    assert [token.text for token in states.tokens(0.0)] == ["Oslo.", "·"]


def test_pieces_are_made_safe_before_they_are_measured():
    token = watch(step(1, "\x1b[31m")).tokens(0.0)[0]
    assert (token.text, token.width) == ("␛[31m", 5)


def test_a_wild_guess_that_stays_is_not_settled():
    assert states_of(watch(*(step(number, "a", nats=0.9) for number in range(1, 9))), 99.0) == [State.DRAFT]


def test_a_settled_token_does_not_blink_when_the_model_wavers():
    states = watch(step(1, "a"), step(2, "a"), step(3, "a", nats=2.0), step(4, "a", nats=0.3))
    assert states_of(states, 99.0) == [State.SETTLED]


def test_noise_keeps_its_shape_while_one_unknown_token_follows_the_other():
    states = CanvasStates(LEVELS)
    shapes = set()
    for number, word in enumerate(["qubit", "internationalization", "海", "x"], 1):
        states.observe(step(number, word, nats=3.0), float(number))
        shapes.add(states.tokens(0.0)[0].text)
    assert shapes == {"░░░░░"}


def test_raw_noise_is_the_wild_text_itself():
    states = CanvasStates(LEVELS, raw_noise=True)
    states.observe(step(1, "qubit", nats=3.0), 0.0)
    assert [(token.text, token.state) for token in states.tokens(0.0)] == [("qubit", State.NOISE)]


def test_what_an_overturned_token_has_been_is_remembered():
    states = watch(step(1, "a"), step(2, "a"), step(3, "b"), step(4, "c"))
    assert states.latest_overturned == 0
    assert states.minds(0) == ("a", "b", "c")


def test_a_thought_is_one_line_and_its_markers_are_never_drawn():
    words = "<|channel> hm, so <channel|> Paris."
    states = CanvasStates(LEVELS)
    for number in (1, 2):
        states.observe(replace(step(number, words), thought=bytes([1, 1, 1, 1, 0])), float(number))
    assert "".join(token.text for token in states.tokens(9.0)) == "▸ thinking, 4 tokens\nParis."


def test_parts_of_a_character_are_placeholders_until_their_run_is_whole():
    parts = step(1, "a \ufffd \ufffd b")
    states = watch(parts)
    assert [token.text for token in states.tokens(9.0)] == ["a", "\ufffd", "\ufffd", "b"]
    states.observe(replace(parts, step=2, joined=((1, 3, "海"),)), 1.0)
    assert [(token.text, token.width) for token in states.tokens(9.0)] == [
        ("a", 1),
        ("海", 2),
        ("", 0),
        ("b", 1),
    ]
