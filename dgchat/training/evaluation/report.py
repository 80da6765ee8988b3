"""The numbers of an evaluation, as a table for the model card and as plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from dgchat.training.evaluation.chats import ChatScore
from dgchat.training.evaluation.first_sentences import Kind, Outcome
from dgchat.training.evaluation.steps import StepsScore


@dataclass(frozen=True, slots=True)
class Mistake:
    """A question answered wrongly."""

    family: str
    ask: str
    expected: str
    answer: str


@dataclass(frozen=True, slots=True)
class Score:
    """How one family of questions went."""

    family: str
    right: int
    total: int
    steps_per_canvas: float

    @property
    def percent(self) -> float:
        """Right answers in percent."""
        return 100 * self.right / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class StoryScore:
    """How the stories went."""

    total: int
    garbled: int
    with_wish: int
    """Stories whose request named a hero, a name or a topic."""
    wish_kept: int
    steps_per_canvas: float
    flaws: tuple[str, ...]
    """What was wrong with each garbled story."""
    samples: tuple[tuple[str, str], ...]
    """The first five requests and stories, verbatim."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What takes longer to measure: whole chats, other step limits, the same weights one token at a time."""

    sampled_chats: ChatScore
    long_chats: ChatScore
    step_limits: tuple[StepsScore, ...]
    autoregressive: StepsScore
    """Its `steps` is 1: a token per forward pass."""

    def as_markdown(self) -> str:
        """Three short paragraphs and a table."""
        sampled, late, one = self.sampled_chats, self.long_chats, self.autoregressive
        lines = [
            f"Chats: {len(sampled.flaws)} of {sampled.total} sampled answers are garbled "
            f"({sampled.percent_garbled:.1f} percent), and {len(late.flaws)} of {late.total} "
            f"({late.percent_garbled:.1f} percent) in the turns 11 to 20 of long mixed chats.",
            "",
            "| most steps per canvas | " + " | ".join(str(s.steps) for s in self.step_limits) + " |",
            "|---|" + "---:|" * len(self.step_limits),
            f"| right, of {one.total} | " + " | ".join(str(s.right) for s in self.step_limits) + " |",
            "",
            f"The same weights writing one token at a time: {one.right} of {one.total} right.",
        ]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Report:
    """A whole evaluation."""

    scores: tuple[Score, ...]
    stories: StoryScore
    first_sentences: tuple[Outcome, ...]
    mistakes: tuple[Mistake, ...]
    steps_per_canvas: float
    """Mean over every canvas of the evaluation."""
    depth: Depth | None = None
    """None if it was not measured."""

    @property
    def right(self) -> int:
        """Right answers of all families."""
        return sum(score.right for score in self.scores)

    @property
    def total(self) -> int:
        """Questions of all families."""
        return sum(score.total for score in self.scores)

    def as_dict(self) -> dict[str, object]:
        """Everything, as JSON can hold it."""
        return asdict(self)

    def as_markdown(self) -> str:
        """The tables of the model card, and five stories as they came."""
        lines = ["| family | right | of | percent | steps per canvas |", "|---|---:|---:|---:|---:|"]
        lines += [
            f"| {s.family} | {s.right} | {s.total} | {s.percent:.0f} | {s.steps_per_canvas:.1f} |"
            for s in self.scores
        ]
        told = self.stories
        lines += [
            "",
            f"Stories: {told.total - told.garbled} of {told.total} without a strange word, a stutter or a "
            f"cut end; the wish was kept in {told.wish_kept} of {told.with_wish}; "
            f"{told.steps_per_canvas:.1f} steps per canvas.",
            "",
            f"First sentences of strangers ({len(self.first_sentences)}, never trained on): {self._kinds()}.",
            f"All families: {self.right} of {self.total} right.",
            f"All canvases: {self.steps_per_canvas:.1f} steps on average.",
            "",
            *(self.depth.as_markdown().splitlines() if self.depth else ()),
            "",
            "Five stories as they came:",
        ]
        for ask, story in told.samples:
            lines += ["", f"> **{ask}**", ">", *(f"> {line}" for line in story.splitlines())]
        return "\n".join(lines) + "\n"

    def first_sentence_pairs(self) -> str:
        """Every first sentence with its answer, for a person to judge."""
        return "\n".join(f"{o.kind}: {o.sentence!r} -> [{o.what}] {o.answer!r}" for o in self.first_sentences)

    def _kinds(self) -> str:
        counts = Counter(outcome.kind for outcome in self.first_sentences)
        return ", ".join(f"{counts[kind]} {kind}" for kind in Kind)
