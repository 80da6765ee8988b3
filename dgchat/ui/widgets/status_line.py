"""One line of figures under the answer that is being written, and what is left of them in the end."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import ClassVar

from rich.cells import cell_len
from textual.reactive import reactive

from dgchat.engine.events import CanvasStep, StopReason
from dgchat.session.turn import Turn
from dgchat.ui.widgets.styled_rows import StyledRows

SPARK_BLOCKS = "▁▂▃▄▅▆▇█"
MAX_SPARKS = 24
_BETWEEN = " · "
_SPARK_FLOOR_NATS = 0.003
_SPARK_CEILING_NATS = 4.0
_STOP_WORDS = {StopReason.STABLE: "stable", StopReason.MAX_STEPS: "all steps used", StopReason.CANCELLED: ""}


class StatusLine(StyledRows):
    """Says what the engine is doing, and how the mean entropy of the canvas falls."""

    STYLES = "status-line"
    BLANK_STYLE = "words"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"status-line--words", "status-line--curve"}

    words: reactive[str] = reactive("", layout=False, repaint=False)
    entropies: reactive[tuple[float, ...]] = reactive((), layout=False, repaint=False)

    def watch_words(self) -> None:
        """Draw what has changed of the line."""
        self.show_line()

    def watch_entropies(self) -> None:
        """Draw what has changed of the line."""
        self.show_line()

    def tell(self, words: str, entropies: Sequence[float]) -> None:
        """Change words and curve, and draw the line once."""
        self.set_reactive(StatusLine.words, words)
        self.set_reactive(StatusLine.entropies, tuple(entropies))
        self.show_line()

    def on_resize(self) -> None:
        """Make use of the new width."""
        super().on_resize()
        self.show_line()

    def show_line(self) -> None:
        """As many of the figures as fit, and the entropy curve where there is room for it."""
        words, curve = fitting(self.words, self.size.width), sparkline(self.entropies[-MAX_SPARKS:])
        if not curve or self.size.width < cell_len(words) + len(curve) + 3:
            self.show([(("words", words),)])
        else:
            self.show([(("words", words + "   "), ("curve", curve))])


def fitting(words: str, width: int) -> str:
    """The figures without those at the end that have no room."""
    while cell_len(words) > width and _BETWEEN in words:
        words = words.rpartition(_BETWEEN)[0]
    return words


def describe_step(turn: Turn, step: CanvasStep, settled_fraction: float, tokens_per_second: float) -> str:
    """`canvas 1/4 · step 9/48 · 71% settled · 31 ms/step · 412 tok/s · H 0.21`; the percentage is of this
    canvas, H its mean entropy in nats.
    """
    canvases = turn.canvas.max_canvases if turn.canvas else 1
    return (
        f"canvas {step.canvas_index + 1}/{canvases} · step {step.step}/{step.max_steps}"
        f" · {settled_fraction:.0%} settled"
        f" · {step.seconds * 1000:.0f} ms/step · {_rate(tokens_per_second)} tok/s · H {step.mean_entropy:.2f}"
    )


def describe_end(turn: Turn) -> str:
    """`12 steps of 48 · 0.4 s · 92 tok/s · stable · seed 7 · 31 ms/step ...`: the least telling last, first
    where it stopped if that was not the model's own end.
    """
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
    figures = [
        f"stopped at {turn.stopped_at}" if turn.stopped_at is not None else "",
        f"{steps} of {_max_steps(turn)}" if len(turn.trace) else steps,
        f"{stats.prefill_seconds + stats.denoise_seconds:.1f} s",
        f"{_rate(stats.tokens_per_second)} tok/s",
        _STOP_WORDS[turn.committed[-1].stop_reason] if turn.committed else "",
        f"seed {turn.seed}",
        f"{1000 * stats.denoise_seconds / max(1, stats.denoising_steps):.0f} ms/step",
        f"{stats.tokens_per_forward:.1f} tokens/forward",
        f"{_rate(stats.parallel_tokens_per_second)} parallel tok/s",
    ]
    return _BETWEEN.join(filter(None, figures))


def sparkline(entropies: tuple[float, ...]) -> str:
    """One block per step, logarithmic in the entropy."""
    return "".join(SPARK_BLOCKS[min(7, int(entropy_height(nats) * 8))] for nats in entropies)


def entropy_height(nats: float) -> float:
    """0 to 1, logarithmic: from a canvas that is as good as done to one of noise."""
    span = log(_SPARK_CEILING_NATS / _SPARK_FLOOR_NATS)
    return min(1.0, log(max(nats, _SPARK_FLOOR_NATS) / _SPARK_FLOOR_NATS) / span)


def _max_steps(turn: Turn) -> int:
    """Steps that the canvases of the turn could have used."""
    canvases = max(1, turn.finished.stats.canvases if turn.finished else 1)
    return turn.trace[len(turn.trace) - 1].max_steps * canvases


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if per_second < 10 else f"{per_second:.0f}"
