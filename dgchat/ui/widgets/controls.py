"""The two sliders for the next turn, and what it will cost at most."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from dgchat.session.presets import STEP_PRESETS, preset_of
from dgchat.session.session import Session
from dgchat.ui.widgets.slider import Slider

USUAL_CANVASES = 8
"""The tokens slider reaches this far, or as far as has been asked for with `/tokens`."""


_WIDE_ENOUGH_FOR_NAMES = 100
_WIDE_ENOUGH_FOR_RATE = 90


class Controls(Horizontal):
    """Denoising steps, token limit, and the time they add up to."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def compose(self) -> ComposeResult:
        """Steps, tokens, estimate."""
        yield Slider("steps", self._describe_steps, "steps")
        yield Slider("tokens", self._describe_tokens, "tokens")
        yield Static(id="estimate")

    def on_resize(self) -> None:
        """Say as much as there is room for, once the page is laid out: that of a widget which has only now
        come into sight is not laid out anew while the page still is.
        """
        self.call_after_refresh(self.show_settings)

    def show_settings(self) -> None:
        """Put knobs and estimate where the session's next turn has them."""
        session = self._session
        length = session.canvas_length
        presets = {preset.name[0]: preset.steps_of(session.max_steps) for preset in STEP_PRESETS}
        self.query_one("#steps", Slider).set_range(1, session.max_steps, 1, session.steps, presets)
        most = min(session.max_canvases, max(USUAL_CANVASES, session.canvases))
        self.query_one("#tokens", Slider).set_range(length, length * most, length, session.max_tokens)
        self.query_one("#estimate", Static).update(Content(self._estimate()))

    def _estimate(self) -> str:
        """Time and rate of an answer that uses every step of every canvas; it is shorter if it settles."""
        step_seconds = self._session.step_seconds
        if step_seconds is None:
            return ""
        seconds = step_seconds * self._session.steps * self._session.canvases
        rate = self._session.max_tokens / max(seconds, 1e-9)
        words = f"est ≤ {_duration(seconds)}"
        return f"{words} · {rate:.0f} tok/s" if self.size.width >= _WIDE_ENOUGH_FOR_RATE else words

    def _describe_steps(self, value: int) -> str:
        if not self._session.info:
            return "–"
        name = preset_of(value, self._session.max_steps)
        return f"{value} {name}" if name and self.size.width >= _WIDE_ENOUGH_FOR_NAMES else str(value)

    def _describe_tokens(self, value: int) -> str:
        if not self._session.info:
            return "–"
        canvases = value // self._session.canvas_length
        return f"{value} · {canvases} canvas" + ("es" if canvases != 1 else "")


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
