"""An answer once more: step by step, as a map of when it settled, token by token."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Static

from dgchat.errors import DgchatError
from dgchat.replay.export import export_recording, free_name
from dgchat.replay.frames import Frames, Spot
from dgchat.replay.playhead import Playhead
from dgchat.replay.recording import Recording
from dgchat.safe_text import visible
from dgchat.session.turn import Turn
from dgchat.ui.current_app import current_app
from dgchat.ui.pace import Pace
from dgchat.ui.palette_of import palette_of
from dgchat.ui.screens.replay_keys import BINDINGS, INSPECT_HINTS, MINDS_HINTS, STEP_HINTS
from dgchat.ui.terminal_link import is_terminal_behind
from dgchat.ui.theme import ChatTheme
from dgchat.ui.widgets.export_prompt import ExportPrompt
from dgchat.ui.widgets.heat_legend import HeatLegend
from dgchat.ui.widgets.key_hints import Hints, KeyHints
from dgchat.ui.widgets.minds_changed import MindsChanged
from dgchat.ui.widgets.replay_canvas import ReplayCanvas
from dgchat.ui.widgets.replay_track import ReplayTrack
from dgchat.ui.widgets.token_inspector import TokenInspector

_WIDTHS = [(0, "-one-column"), (130, "-two-columns")]

_HEIGHTS = [(0, "-short"), (18, "-high")]

_ROOMY_ROWS = 28


class ReplayScreen(ModalScreen[None]):
    """Opens at the last step of an answer; everything it shows is in the answer's trace."""

    CSS_PATH = "replay.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def __init__(
        self, turns: Sequence[Turn], number: int, theme: ChatTheme, pace: Pace, heat: bool, model: str
    ) -> None:
        """`number`: which of the turns to begin with; it must have steps."""
        super().__init__()
        self._turns = turns
        self._number = number
        self._theme = theme
        self._pace = pace
        self._model = model
        self._heat = heat
        self._timer: Timer | None = None
        self._open(number)
        self._canvas = ReplayCanvas(self._frames)
        self._page = VerticalScroll(self._canvas, id="replay-page", can_focus=False)

    def compose(self) -> ComposeResult:
        """Title, legend, canvas and what is told of it, track, keys."""
        yield Static(id="replay-title")
        yield HeatLegend()
        with Container(id="replay-body"):
            yield self._page
            with VerticalScroll(id="replay-side", can_focus=False):
                yield TokenInspector()
                yield MindsChanged()
        yield ReplayTrack()
        yield ExportPrompt()
        yield KeyHints()

    def on_mount(self) -> None:
        """Show the last step."""
        self.set_class(self._heat, "-heat")
        self._show_answer()
        self.call_after_refresh(self._show)

    @property
    def index(self) -> int:
        """The step that is shown, counted over the whole answer from 0."""
        return self._playhead.index

    @property
    def is_playing(self) -> bool:
        """Whether it moves on by itself."""
        return self._playhead.is_playing

    def action_sideways(self, by: int) -> None:
        """A step, or while inspecting a token, to the left or right."""
        if not self._is_inspecting:
            self.action_step(by)
            return
        last = self._recording.canvases[self._cursor.canvas][-1]
        position = min(max(self._cursor.position + by, 0), len(last.token_ids) - 1)
        self._point(Spot(self._cursor.canvas, position))

    def action_upright(self, by: int) -> None:
        """Scroll, or while inspecting go to the token above or below."""
        if not self._is_inspecting:
            self._page.scroll_relative(y=by, animate=False)
        elif spot := self._canvas.beside(self._cursor, by):
            self._point(spot)

    def action_step(self, by: int) -> None:
        """So many steps on; playing ends."""
        self._pause()
        self._playhead.move(by)
        self._show()

    def action_canvas(self, by: int) -> None:
        """To the end of another canvas; playing ends."""
        self._pause()
        self._playhead.move_canvas(by)
        self._show()

    def action_play(self) -> None:
        """Play or pause."""
        self._playhead.toggle()
        self._show()
        self._set_clock()

    def action_pace(self, by: int) -> None:
        """Faster or slower."""
        self._playhead.change_pace(by)
        self._show()

    def action_heat(self) -> None:
        """Show when each token settled, or the states again."""
        self._heat = not self._heat
        self.set_class(self._heat, "-heat")
        self._show()

    def action_inspect(self) -> None:
        """Show the cursor, or hide it."""
        self.set_class(not self._is_inspecting, "-inspecting")
        if not self._is_inspecting:
            self.query_one(TokenInspector).show_hint()
        self._show()

    def action_minds(self) -> None:
        """Open the list of minds changed, or leave it."""
        minds = self.query_one(MindsChanged)
        is_open = not self.has_class("-minds")
        self.set_class(is_open, "-minds")
        if is_open:
            minds.focus()
        else:
            self.set_focus(None)
        self.call_after_refresh(self._show)

    def action_answer(self, by: int) -> None:
        """Another answer of the conversation."""
        number = self._number + by
        if not 0 <= number < len(self._turns):
            self.query_one(KeyHints).flash(
                "there is no answer " + ("after" if by > 0 else "before") + " this one"
            )
            return
        if not len(self._turns[number].trace):
            self.query_one(KeyHints).flash("no step of that answer was recorded")
            return
        self._pause()
        self._open(number)
        self._canvas.use(self._frames)
        self._show_answer()
        self._show()

    def action_export(self) -> None:
        """Ask for a file name."""
        self.add_class("-exporting")
        self.query_one(ExportPrompt).ask(free_name())

    def action_close(self) -> None:
        """What was opened last; in the end the replay itself."""
        if self.has_class("-exporting"):
            self._end_export()
        elif self.has_class("-minds"):
            self.action_minds()
        elif self._is_inspecting:
            self.action_inspect()
        else:
            self.dismiss()

    @on(ReplayTrack.Scrubbed)
    def _scrub(self, message: ReplayTrack.Scrubbed) -> None:
        self._pause()
        self._playhead.go_to(message.index)
        self._show()

    @on(ReplayCanvas.Pointed)
    def _inspect_pointed(self, message: ReplayCanvas.Pointed) -> None:
        self._pause()
        self.add_class("-inspecting")
        self._point(message.spot)

    @on(MindsChanged.Chosen)
    def _go_to_mind(self, message: MindsChanged.Chosen) -> None:
        self._pause()
        self.add_class("-inspecting")
        self._playhead.go_to_place(message.spot.canvas, message.step)
        self._point(message.spot)

    @on(ExportPrompt.Named)
    async def _export(self, message: ExportPrompt.Named) -> None:
        self._end_export()
        try:
            # drawing every step of a long answer takes most of a second
            path = await asyncio.to_thread(
                export_recording, self._recording, message.name, palette_of(self._theme)
            )
        except DgchatError as error:
            self.query_one(KeyHints).flash(str(error))
        else:
            self.query_one(KeyHints).flash(f"written to {path}")

    @property
    def _is_inspecting(self) -> bool:
        return self.has_class("-inspecting")

    def _end_export(self) -> None:
        self.remove_class("-exporting")
        self.set_focus(self.query_one(MindsChanged) if self.has_class("-minds") else None)

    def _open(self, number: int) -> None:
        self._number = number
        self._recording = Recording.of(self._turns[number], self._model)
        self._frames = Frames(self._recording, self._theme.entropy_levels, self._theme.noise_glyphs, 1)
        self._playhead = Playhead(self._recording)
        self._cursor = self._most_changed(self._playhead.canvas)
        self._canvas_in_sight = -1

    def _most_changed(self, canvas: int) -> Spot:
        """Where a reader will palette first."""
        minds = self._frames.histories[canvas].minds_changed
        return Spot(canvas, minds[0].position if minds else 0)

    def _show_answer(self) -> None:
        """What stays the same while one answer is replayed."""
        which = f"   {self._number + 1}/{len(self._turns)}" if len(self._turns) > 1 else ""
        prompt = visible(self._recording.prompt, newlines=False)
        self.query_one("#replay-title", Static).update(
            Content.assemble(("replay", "bold $accent"), (which, "$muted"), "   ", prompt)
        )
        self.query_one(MindsChanged).use(self._frames.histories)
        self.query_one(ReplayTrack).use(
            [[step.mean_entropy for step in canvas] for canvas in self._recording.canvases]
        )
        self.query_one(TokenInspector).show_hint()

    def _point(self, spot: Spot) -> None:
        """Put the cursor on a token; on one of another canvas, go to the end of that one."""
        self._cursor = spot
        if spot.canvas != self._playhead.canvas:
            self._playhead.go_to_place(spot.canvas, len(self._recording.canvases[spot.canvas]))
        self._show()

    def _show(self) -> None:
        canvas, within = self._recording.places[self.index]
        if self._cursor.canvas != canvas:
            self._cursor = self._most_changed(canvas)
        history = self._frames.histories[canvas]
        cursor = self._cursor if self._is_inspecting else None
        self._canvas.draw(self.index, heat=self._heat, cursor=cursor)
        self.query_one(ReplayTrack).show(self.index, canvas, self._words(within + 1, history.num_steps))
        self.query_one(HeatLegend).show(history.num_steps)
        if cursor is not None:
            step = self._recording.steps[self.index]
            self.query_one(TokenInspector).show(
                cursor, history, step, within + 1, has_room=self.size.height >= _ROOMY_ROWS
            )
        self.query_one(KeyHints).hints = self._hints()
        self.call_after_refresh(self._bring_into_sight, canvas)

    def _words(self, step: int, num_steps: int) -> str:
        pace = f"{self._playhead.pace:g}×"
        if self.size.width < 72:
            return f"{step}/{num_steps} {pace} {'▶' if self.is_playing else '‖'}"
        settled = f"{self._frames.settled_fraction:.0%} settled · " if self.size.width >= 90 else ""
        state = "▶ playing" if self.is_playing else "‖ paused"
        return f"step {step}/{num_steps} · {settled}{pace} {state}"

    def _hints(self) -> Hints:
        if self.has_class("-minds"):
            return MINDS_HINTS
        return INSPECT_HINTS if self._is_inspecting else STEP_HINTS

    def _bring_into_sight(self, canvas: int) -> None:
        height = self._page.size.height
        row = self._canvas.row_of(self._cursor) if self._is_inspecting else None
        top = self._page.scroll_offset.y
        if row is not None:
            if not top <= row < top + height:
                self._page.scroll_to(y=max(0, row - height // 2), animate=False)
        elif canvas != self._canvas_in_sight:
            first, count = self._canvas.rows_of(canvas)
            if first < top or first + count > top + height:
                self._page.scroll_to(y=min(first, max(0, first + count - height)), animate=False)
        self._canvas_in_sight = canvas

    def _pause(self) -> None:
        self._playhead.is_playing = False
        self._set_clock()

    def _set_clock(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self.is_playing:
            seconds = max(self._playhead.seconds_to_next, 1 / self._pace.frames_per_second)
            self._timer = self.set_timer(seconds, self._tick)

    def _tick(self) -> None:
        if not is_terminal_behind(current_app(self)):
            self._playhead.tick()
            self._show()
        self._set_clock()
