"""Where in a recording one is, and how fast it is played."""

from __future__ import annotations

from dgchat.replay.recording import Recording

PACES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""What `-` and `+` go through."""

STEPS_PER_SECOND = 8.0
"""At pace 1: slow enough to read along."""

CANVAS_PAUSE_STEPS = 4
"""A canvas that is done stays for as long as so many steps."""


class Playhead:
    """An index into the steps of a recording; every movement stops at its ends."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._pace = PACES.index(1.0)
        self.index = len(recording.steps) - 1
        """The step that is shown."""
        self.is_playing = False

    @property
    def pace(self) -> float:
        """1.0 for the usual pace."""
        return PACES[self._pace]

    @property
    def canvas(self) -> int:
        """The number of the canvas that is shown, from 0."""
        return self._recording.places[self.index][0]

    @property
    def is_at_end(self) -> bool:
        """Whether there is no later step."""
        return self.index == len(self._recording.steps) - 1

    @property
    def seconds_to_next(self) -> float:
        """How long the step that is shown stays while it is played."""
        canvas, within = self._recording.places[self.index]
        is_last = within == len(self._recording.canvases[canvas]) - 1
        return (CANVAS_PAUSE_STEPS if is_last else 1) / (STEPS_PER_SECOND * self.pace)

    def go_to(self, index: int) -> None:
        """Show that step, or the nearest there is."""
        self.index = min(max(index, 0), len(self._recording.steps) - 1)

    def move(self, steps: int) -> None:
        """Show a step so many later."""
        self.go_to(self.index + steps)

    def move_canvas(self, canvases: int) -> None:
        """Show the last step of a canvas so many later; of the present one first, on the way forward."""
        last = self._last_of(self.canvas)
        if canvases > 0 and self.index < last:
            self.go_to(last)
            return
        wanted = min(max(self.canvas + canvases, 0), len(self._recording.canvases) - 1)
        self.go_to(self._last_of(wanted))

    def go_to_place(self, canvas: int, step: int) -> None:
        """Show a step, counted from 1, of a canvas, counted from 0."""
        self.go_to(self._recording.places.index((canvas, step - 1)))

    def change_pace(self, strides: int) -> None:
        """Play faster or slower."""
        self._pace = min(max(self._pace + strides, 0), len(PACES) - 1)

    def toggle(self) -> None:
        """Play or pause; at the end, play from the beginning."""
        if not self.is_playing and self.is_at_end:
            self.go_to(0)
        self.is_playing = not self.is_playing and len(self._recording.steps) > 1

    def tick(self) -> bool:
        """The time of the step that is shown is over; whether there was another."""
        if self.is_at_end:
            self.is_playing = False
            return False
        self.move(1)
        return True

    def _last_of(self, canvas: int) -> int:
        return sum(map(len, self._recording.canvases[: canvas + 1])) - 1
