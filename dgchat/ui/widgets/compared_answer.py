"""One of two answers beside each other: how it came about, and its words."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dgchat.safe_text import visible
from dgchat.session.turn import Turn
from dgchat.session.word_diff import Span


class ComparedAnswer(Vertical):
    """A name, a line of figures, and below them the answer, which scrolls."""

    def __init__(self, name: str, body: Widget, side: str) -> None:
        super().__init__(id=side)
        self._name = name
        self._body = body
        self._figures = Static(classes="compare-figures")

    def compose(self) -> ComposeResult:
        """Name, figures, answer."""
        yield Static(Content(self._name), classes="compare-name")
        yield self._figures
        with VerticalScroll(can_focus=False):
            yield self._body

    def show_figures(self, turn: Turn) -> None:
        """Say what the answer cost."""
        self._figures.update(Content(describe_cost(turn)))

    async def show_words(self, spans: Sequence[Span]) -> None:
        """Show the words, those that the other answer lacks underlined."""
        text = Static(mark_words(spans), classes="compare-text")
        await self.query_one(VerticalScroll).mount(text)
        await self._body.remove()
        self._body = text

    def scroll(self, rows: int) -> None:
        """Move the answer up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)


def mark_words(spans: Sequence[Span]) -> Content:
    """The spans as text; what is not shared is bold and underlined, the space before it is not."""
    parts: list[str | tuple[str, str]] = []
    for span in spans:
        text = visible(span.text)
        words = text.lstrip()
        space = text[: len(text) - len(words)]
        parts += [space, words if span.is_shared else (words, "bold underline $fresh")]
    return Content.assemble(*parts)


def describe_cost(turn: Turn) -> str:
    """`12 steps · 0.3 s · 5.3 tokens per forward`, and how it ended if not by itself."""
    if turn.finished is None:
        return ""
    stats = turn.finished.stats
    steps = "1 step" if stats.denoising_steps == 1 else f"{stats.denoising_steps} steps"
    seconds = stats.prefill_seconds + stats.denoise_seconds
    figures = [steps, f"{seconds:.1f} s", f"{stats.tokens_per_forward:.1f} tokens per forward"]
    if turn.stopped_at is not None:
        figures.append(f"stopped at {turn.stopped_at}")
    return " · ".join(figures)
