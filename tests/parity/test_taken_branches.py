"""The conversations together take every branch of sampler, stopping rule and end of turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from parity.checkpoints import SUBJECTS
from parity.conversation import Conversation, Turn
from parity.oracle import CanvasRecord

BRANCHES = (
    "one position accepted",
    "some positions accepted",
    "all positions accepted",
    "stable but not confident",
    "confident but not stable",
    "stopped early, stability threshold 0",
    "stopped early, stability threshold 1",
    "stopped early, stability threshold 2",
    "ran to the last step",
    "turn ended in the first canvas",
    "turn ended in a later canvas",
    "turn ended by the limit",
)


@pytest.fixture(scope="module")
def taken(conversation_of: Callable[[str], Conversation]) -> Counter[str]:
    """How often our engine took each branch, over all checkpoints."""
    conversations = map(conversation_of, SUBJECTS)
    return Counter(branch for held in conversations for turn in held.turns for branch in _of_turn(held, turn))


@pytest.mark.parametrize("branch", BRANCHES)
def test_is_taken(branch: str, taken: Counter[str]) -> None:
    assert taken[branch] > 0


def test_no_branch_goes_uncounted(taken: Counter[str]) -> None:
    assert set(taken) == set(BRANCHES)


def _of_turn(held: Conversation, turn: Turn) -> Iterator[str]:
    for canvas in turn.steps:
        yield from _of_steps(held, canvas)
        yield from _of_canvas(held, canvas)
    if turn.finished.reason == "length":
        yield "turn ended by the limit"
    else:
        yield f"turn ended in {'the first' if len(turn.steps) == 1 else 'a later'} canvas"


def _of_canvas(held: Conversation, canvas: CanvasRecord) -> Iterator[str]:
    if len(canvas.steps) < held.sampler.max_denoising_steps:
        yield f"stopped early, stability threshold {held.sampler.stability_threshold}"
    else:
        yield "ran to the last step"


def _of_steps(held: Conversation, canvas: CanvasRecord) -> Iterator[str]:
    for index, step in enumerate(canvas.steps):
        accepted = sum(step.accepted)
        amount = {1: "one position", held.canvas_length: "all positions"}.get(accepted, "some positions")
        yield f"{amount} accepted"
        earlier = canvas.steps[max(0, index - held.sampler.stability_threshold) : index]
        stable = len(earlier) == held.sampler.stability_threshold and all(
            step.argmax_canvas == other.argmax_canvas for other in earlier
        )
        confident = step.mean_entropy < held.sampler.confidence_threshold
        if stable != confident:
            yield "stable but not confident" if stable else "confident but not stable"
