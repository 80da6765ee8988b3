"""A slider under keys and mouse."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from dgchat.ui.widgets.slider import Slider


class SliderApp(App[None]):
    def __init__(self, low: int, high: int, stride: int, value: int) -> None:
        super().__init__()
        self.slider = Slider("size", str, "slider")
        self._range = low, high, stride, value
        self.told: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.slider

    def on_mount(self) -> None:
        self.slider.styles.height = 1
        self.slider.set_range(*self._range)
        self.slider.focus()

    def on_slider_changed(self, message: Slider.Changed) -> None:
        self.told.append(message.value)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["right"], 25),
        (["left", "left"], 22),
        (["shift+right"], 30),
        (["home"], 1),
        (["end", "right"], 48),
        (["1", "2"], 12),
        (["9", "9"], 48),
        (["0"], 1),
        (["x"], 24),
    ],
)
async def test_keys_move_it_within_its_range(keys, value):
    app = SliderApp(1, 48, 1, 24)
    async with app.run_test() as pilot:
        await pilot.press(*keys)
        assert app.slider.value == value
        assert app.told[-1:] == ([value] if value != 24 else [])


async def test_it_snaps_up_to_whole_strides():
    app = SliderApp(32, 256, 32, 100)
    async with app.run_test() as pilot:
        assert app.slider.value == 128
        await pilot.press("right", "3", "3")
        assert app.told == [160, 32, 64]


async def test_the_mouse_moves_it_and_it_never_passes_its_ends():
    app = SliderApp(1, 48, 1, 24)
    async with app.run_test(size=(60, 3)) as pilot:
        await pilot.mouse_down(app.slider, offset=(0, 0))
        assert app.slider.value == 1
        await pilot.hover(app.slider, offset=(59, 0))
        await pilot.mouse_up(app.slider, offset=(59, 0))
        assert app.slider.value == 48


@pytest.mark.parametrize("width", [3, 8, 20, 200])
async def test_it_is_one_row_of_its_width(width):
    app = SliderApp(1, 48, 1, 24)
    async with app.run_test(size=(width, 2)):
        assert app.slider.render_line(0).cell_length == width


async def test_a_letter_chooses_a_preset():
    app = SliderApp(1, 48, 1, 24)
    async with app.run_test() as pilot:
        app.slider.set_range(1, 48, 1, 24, {"d": 12, "f": 48})
        await pilot.press("d", "f", "x")
        assert app.told == [12, 48]
