"""One answer: first the live canvas with its status line, in the end Markdown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from dgchat.engine.events import CanvasStep
from dgchat.safe_text import visible
from dgchat.session.loading import Loading
from dgchat.session.turn import Turn
from dgchat.ui.current_app import current_app
from dgchat.ui.frame_clock import FrameClock
from dgchat.ui.pace import Pace
from dgchat.ui.playback import Playback
from dgchat.ui.terminal_link import ByteBudget, is_terminal_behind, num_written_bytes
from dgchat.ui.theme import ChatTheme
from dgchat.ui.widgets.answer_label import AnswerLabel
from dgchat.ui.widgets.canvas_panel import PANEL_CLASS, PanelView
from dgchat.ui.widgets.ground import Ground
from dgchat.ui.widgets.live_canvas import LiveCanvas
from dgchat.ui.widgets.settled_answer import settled_answer
from dgchat.ui.widgets.status_line import StatusLine, describe_end, describe_step
from dgchat.ui.widgets.transcript import Transcript
from dgchat.ui.widgets.unscrolled import Unscrolled

PHASE_FRAMES_PER_SECOND = 5
"""How often the elapsed time of a phase without steps is drawn; once a second where nothing moves."""


class AnswerView(Ground, Unscrolled, Vertical):
    """Draws a turn from its trace at its own pace; posts `Settled` once nothing moves any more."""

    class Settled(Message):
        """The answer is shown as Markdown."""

        def __init__(self, view: AnswerView) -> None:
            super().__init__()
            self.view = view

    class StepDrawn(Message):
        """Another step is on the screen."""

        def __init__(self, view: Callable[[], PanelView], is_last: bool) -> None:
            super().__init__()
            self.view = view
            """Called if somebody has room for it."""
            self.is_last = is_last

    def __init__(self, turn: Turn, theme: ChatTheme, pace: Pace, loading: Loading | None) -> None:
        """`loading`: the model's, if the answer has to wait for it. A turn that is over is shown at rest."""
        super().__init__()
        self._theme = theme
        self.turn = turn
        self._pace = pace
        self._loading = loading
        self._phase, self._phase_began = "", monotonic()
        self._playback = Playback(turn.trace, pace.frames_per_second, pace.is_trailing)
        self._clock = FrameClock(pace.frames_per_second)
        self._budget = ByteBudget(pace.bytes_per_second)
        self._canvas = LiveCanvas(theme, pace.shows_raw_noise)
        self._status = StatusLine()
        self._label = AnswerLabel()
        self._written = Static(classes="message-text")
        self._entropies: list[float] = []
        self._engine_seconds = 0.0
        self._timer: Timer | None = None
        self._phase_timer: Timer | None = None
        self._is_handed_off = turn.is_over
        self.is_settled = turn.is_over
        """Whether the answer is shown as Markdown."""

    @property
    def is_moving(self) -> bool:
        """Whether steps are drawn; otherwise an answer settles as soon as it is there."""
        return self._pace.is_moving

    @property
    def num_drawn_steps(self) -> int:
        """Denoising steps that were put on the screen."""
        return self._canvas.num_drawn_steps

    def compose(self) -> ComposeResult:
        """Label, what is being written, status; of a turn that is over, what is left of it."""
        yield self._label
        if self._is_handed_off:
            self._label.figures = describe_end(self.turn)
            yield from settled_answer(self.turn)
            return
        yield self._canvas if self._pace.is_moving else self._written
        yield self._status

    def on_mount(self) -> None:
        """Start the clocks: one for frames, one for the seconds of a phase."""
        if self._is_handed_off:
            return
        if self._pace.is_moving:
            self._timer = self.set_interval(1 / self._pace.frames_per_second, self._show_frame)
        phase_frames_per_second = 1 if self._pace.is_calm else PHASE_FRAMES_PER_SECOND
        self._phase_timer = self.set_interval(1 / phase_frames_per_second, self._show_phase)
        self._show_phase()

    def again(self) -> AnswerView | None:
        """The answer once more, as it ended; None while it is being drawn."""
        return AnswerView(self.turn, self._theme, self._pace, None) if self.is_settled else None

    def enter_phase(self, phase: str = "") -> None:
        """Name what is being waited for, and count its time from now; nothing: that the prompt is read."""
        self._loading = None
        self._phase, self._phase_began = phase, monotonic()
        self._show_phase()

    def follow_turn(self) -> None:
        """Take note of a transition of the turn."""
        if self.turn.is_remote and not self._is_handed_off:
            self._show_arrived()
            return
        if self.turn.prefilled is None:
            self._show_phase()
            return
        if self._pace.is_moving or self._is_handed_off:
            return
        self._written.update(Content(visible(self.turn.text)))
        done, canvas = len(self.turn.committed), self.turn.canvas
        most = canvas.max_canvases if canvas else 1
        self._status.words = (
            f"{done} of at most {most} canvases settled" if done else "denoising the first canvas"
        )

    def _show_arrived(self) -> None:
        """What a server has sent so far, for there are no steps to draw."""
        if not self._written.is_mounted:
            self.mount(self._written, before=self._status)
        self._written.update(Content(visible(self.turn.text)))
        parts = len(self.turn.committed)
        if parts:
            arrived = "1 part has arrived" if parts == 1 else f"{parts} parts have arrived"
            self._status.words = f"{arrived} · the server does not stream its steps"
        else:
            self.enter_phase("waiting for the server, which does not stream its steps")

    def catch_up(self) -> None:
        """End the trail: show the newest step, or the settled answer, at once."""
        self._playback.catch_up()
        if self._pace.is_moving and self.is_attached:  # a key may come while a failed answer leaves the page
            self._show_frame()

    async def settle(self) -> None:
        """Hand the answer over to Markdown if its last step has been seen; the engine must be done."""
        if self._is_handed_off or not self.turn.is_over:
            return
        self._is_handed_off = True
        for timer in (self._timer, self._phase_timer):
            if timer:
                timer.stop()
        for ancestor in self.ancestors:
            if isinstance(ancestor, Transcript):
                ancestor.hold_height()
        with current_app(self).batch_update():
            await self._swap()
        self.is_settled = True
        self.post_message(self.Settled(self))

    def _show_frame(self) -> None:
        now = monotonic()
        app = current_app(self)
        if not self._clock.is_due(now):
            return
        if is_terminal_behind(app):
            self._playback.skip_frame(now)
        elif self._budget.allows(now, num_written_bytes(app)):
            self._draw_next(now)
        else:
            self._playback.ration_frames()
        if self.turn.is_over and self._playback.is_over(now, self._num_finished):
            self.call_later(self.settle)

    def _draw_next(self, now: float) -> None:
        before = self._playback.drawn
        index = self._playback.next_step(now, self._num_finished)
        if index is None:
            self._canvas.settle_fresh(now)
            return
        steps = [self.turn.trace[seen] for seen in range(before + 1, index + 1)]
        for step in steps:
            self._take_in(step)
        self._canvas.advance(steps, now)
        self._show_step(steps[-1])

    def _take_in(self, step: CanvasStep) -> None:
        if step.step == 1:
            self._entropies.clear()
        self._entropies.append(step.mean_entropy)
        self._engine_seconds += step.seconds

    def _show_step(self, step: CanvasStep) -> None:
        states = self._canvas.states
        canvas_length = len(step.token_ids)
        tokens = step.canvas_index * canvas_length + states.num_settled
        prefill = self.turn.prefilled.seconds if self.turn.prefilled else 0.0
        rate = tokens / max(1e-9, self._engine_seconds + prefill)
        words = describe_step(self.turn, step, states.settled_fraction, rate)
        if states.num_overturned:
            words += f" · {states.num_overturned} overturned"
        self._status.tell(words, self._entropies)
        if self.screen.has_class(PANEL_CLASS):
            is_last = self.turn.is_over and self._playback.drawn == len(self.turn.trace) - 1
            self.post_message(self.StepDrawn(partial(self._panel_view, step, tokens, rate), is_last))

    def _panel_view(self, step: CanvasStep, num_tokens: int, rate: float) -> PanelView:
        states = self._canvas.states
        canvases = self.turn.canvas.max_canvases if self.turn.canvas else 1
        num_steps = self._playback.drawn + 1
        parallel = len(step.token_ids) * num_steps / max(1e-9, self._engine_seconds)
        return PanelView(
            title=f"canvas {step.canvas_index + 1} of at most {canvases}",
            max_steps=step.max_steps,
            entropies=tuple(self._entropies),
            tokens=states.tokens(monotonic()),
            minds=states.minds(states.latest_overturned),
            num_overturned=states.num_overturned,
            figures=(
                f"{rate:.0f} tok/s effective",
                f"{parallel:.0f} tok/s parallel",
                f"{num_tokens / num_steps:.1f} tokens/forward",
                f"{1000 * self._engine_seconds / num_steps:.0f} ms/step",
            ),
        )

    def _show_phase(self) -> None:
        if self._playback.drawn < 0 and not self.turn.committed and not self.turn.is_over:
            phase = f"{self._phase or self.turn.reading} · {monotonic() - self._phase_began:.1f} s"
            if prefilled := self.turn.prefilled:
                phase += f" · prompt {prefilled.prompt_tokens} tokens, {prefilled.cached_tokens} cached"
            self._status.words = self._loading.describe() if self._loading else phase

    @property
    def _num_finished(self) -> int:
        """Canvases that get no further step; a cancelled one is among them once the turn is over."""
        if self.turn.is_over and len(self.turn.trace):
            return self.turn.trace[len(self.turn.trace) - 1].canvas_index + 1
        return len(self.turn.committed)

    async def _swap(self) -> None:
        self._label.figures = describe_end(self.turn)
        await self.mount_all(settled_answer(self.turn), after=self._label)
        for widget in (self._canvas, self._written, self._status):
            if widget.is_attached:
                await widget.remove()
