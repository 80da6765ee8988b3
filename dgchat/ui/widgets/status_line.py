"""One line of figures under the answer that is being written."""

from __future__ import annotations

from math import log

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from dgchat.engine.events import CanvasStep
from dgchat.session.turn import Turn

SPARK_BLOCKS = "▁▂▃▄▅▆▇█"
MAX_SPARKS = 24
_BETWEEN = " · "
_SPARK_FLOOR_NATS = 0.003
_SPARK_CEILING_NATS = 4.0


class StatusLine(Widget):
    """Says what the engine is doing, and how the mean entropy of the canvas falls."""

    words: reactive[str] = reactive("")
    entropies: reactive[tuple[float, ...]] = reactive(())

    def render(self) -> Content:
        """As many of the figures as fit, and the entropy curve where there is room for it."""
        words = self.words
        while len(words) > self.size.width and _BETWEEN in words:
            words = words.rpartition(_BETWEEN)[0]
        curve = sparkline(self.entropies[-MAX_SPARKS:])
        if not curve or self.size.width < len(words) + len(curve) + 3:
            return Content(words)
        return Content.assemble(words, "   ", (curve, "$accent"))


def describe_step(turn: Turn, step: CanvasStep, settled_fraction: float, tokens_per_second: float) -> str:
    """`canvas 1/4 · step 9/48 · 71% settled · 31 ms/step · 412 tok/s`; the percentage is of this canvas."""
    canvases = turn.canvas.max_canvases if turn.canvas else 1
    return (
        f"canvas {step.canvas_index + 1}/{canvases} · step {step.step}/{step.max_steps}"
        f" · {settled_fraction:.0%} settled"
        f" · {step.seconds * 1000:.0f} ms/step · {_rate(tokens_per_second)} tok/s"
    )


def describe_end(turn: Turn) -> str:
    """`12 steps · 0.4 s · 92 tok/s`, and how it ended if that was not the model's own end of turn."""
    if turn.finished is None:
        return ""
    stats = turn.finished.stats
    seconds = stats.prefill_seconds + stats.denoise_seconds
    if turn.is_remote:
        figures = [
            f"{seconds:.1f} s",
            *([f"{_rate(stats.tokens_per_second)} tok/s"] * bool(stats.generated_tokens)),
        ]
        return " · ".join([*(["stopped"] if turn.stopped_at else []), *figures, "steps not told"])
    steps = "1 step" if stats.denoising_steps == 1 else f"{stats.denoising_steps} steps"
    figures = [steps, f"{seconds:.1f} s", f"{_rate(stats.tokens_per_second)} tok/s"]
    if turn.stopped_at is not None:
        figures = [f"stopped at {turn.stopped_at}", *figures]
    return " · ".join([*figures, f"seed {turn.seed}"])


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if per_second < 10 else f"{per_second:.0f}"


def sparkline(entropies: tuple[float, ...]) -> str:
    """One block per step, logarithmic in the entropy."""
    span = log(_SPARK_CEILING_NATS / _SPARK_FLOOR_NATS)
    heights = [log(max(nats, _SPARK_FLOOR_NATS) / _SPARK_FLOOR_NATS) / span for nats in entropies]
    return "".join(SPARK_BLOCKS[min(7, int(height * 8))] for height in heights)
