"""The keys of the replay, and what its foot says of them."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from dgchat.ui.widgets.key_hints import Hints

BINDINGS: list[BindingType] = [
    Binding("left", "sideways(-1)", "step or token back", show=False),
    Binding("right", "sideways(1)", "step or token on", show=False),
    Binding("up", "upright(-1)", "row up", show=False),
    Binding("down", "upright(1)", "row down", show=False),
    Binding("comma", "step(-1)", "step back", show=False),
    Binding("full_stop", "step(1)", "step on", show=False),
    Binding("left_square_bracket", "canvas(-1)", "canvas back", show=False),
    Binding("right_square_bracket", "canvas(1)", "canvas on", show=False),
    Binding("home", "step(-100000)", "first step", show=False),
    Binding("end", "step(100000)", "last step", show=False),
    Binding("space", "play", "play, pause", show=False),
    Binding("minus", "pace(-1)", "slower", show=False),
    Binding("plus,equals_sign", "pace(1)", "faster", show=False),
    Binding("h", "heat", "heat", show=False),
    Binding("i", "inspect", "inspect", show=False),
    Binding("m", "minds", "minds changed", show=False),
    Binding("e", "export", "export", show=False),
    Binding("p", "answer(-1)", "answer before", show=False),
    Binding("n", "answer(1)", "answer after", show=False),
    Binding("escape", "close", "close", show=False),
    Binding("q", "dismiss", "close", show=False),
]

STEP_HINTS: Hints = (
    ("←→", "step"),
    ("[ ]", "canvas"),
    ("space", "play"),
    ("- +", "pace"),
    ("h", "heat"),
    ("i", "inspect"),
    ("m", "minds"),
    ("e", "export"),
    ("n p", "other answers"),
    ("esc", "back"),
)
INSPECT_HINTS: Hints = (
    ("←→↑↓", "token"),
    (", .", "step"),
    ("[ ]", "canvas"),
    ("space", "play"),
    ("- +", "pace"),
    ("h", "heat"),
    ("m", "minds"),
    ("e", "export"),
    ("esc", "done"),
)
MINDS_HINTS: Hints = (("↑↓", "choose"), ("enter", "go there"), ("esc", "done"), (", .", "step"))
