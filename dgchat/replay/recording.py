"""One answer as it was denoised, and what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from dgchat.engine.events import CanvasStep, Finished, GenerationStats, Prefilled
from dgchat.session.turn import Turn


@dataclass(frozen=True)
class Recording:
    """Every step of one answer, in order."""

    prompt: str
    """What was asked; untrusted, as everything else here."""
    steps: tuple[CanvasStep, ...]
    """The steps of the first canvas, then those of the second, and so on; at least one."""
    model: str = ""
    """Who answered, empty if that is not known."""
    seed: int | None = None
    """What the answer is a function of; None if that is not known."""
    prefilled: Prefilled | None = None
    """What the prompt took; None if that is not known."""
    finished: Finished | None = None
    """How the answer ended; None if it did not, or that is not known."""
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    """What it was asked with, under the names of `--json`, as far as that is known."""

    @classmethod
    def of(cls, turn: Turn, model: str = "") -> Recording:
        """What was recorded of a turn; of one that went on, its beginning too."""
        finished = _finished_of(turn)
        return cls(
            turn.prompt,
            _steps_of(turn),
            model,
            turn.seed,
            _first_of(turn).prefilled or (_prefilled_of(finished.stats) if finished else None),
            finished,
            _settings_of(turn),
        )

    @cached_property
    def canvases(self) -> tuple[tuple[CanvasStep, ...], ...]:
        """The steps, canvas by canvas."""
        indices = sorted({step.canvas_index for step in self.steps})
        return tuple(tuple(s for s in self.steps if s.canvas_index == index) for index in indices)

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Of every step: which canvas of `canvases` it belongs to, and which step of that canvas it is."""
        return tuple(
            (number, within) for number, canvas in enumerate(self.canvases) for within in range(len(canvas))
        )

    @property
    def text(self) -> str:
        """The answer, or what was settled on so far; without the thought."""
        if self.finished is not None:
            return self.finished.text
        return "".join(settled_text(canvas) for canvas in self.canvases)


def settled_text(canvas: Sequence[CanvasStep], *, is_thought: bool = False) -> str:
    """The text of a canvas at its last step, up to the end of the turn: its thought, or all the rest."""
    last = canvas[-1]
    pieces = list(last.pieces)
    for begin, end, text in last.joined:
        pieces[begin:end] = [text, *[""] * (end - begin - 1)]
    marks = last.thought or bytes(len(pieces))
    told = zip(pieces[: last.end], marks, strict=False)
    return "".join(piece for piece, mark in told if bool(mark) is is_thought)


def _steps_of(turn: Turn) -> tuple[CanvasStep, ...]:
    before = _steps_of(turn.replaces) if turn.begun and turn.replaces else ()
    first = before[-1].canvas_index + 1 if before else 0
    own = tuple(turn.trace)
    return before + (tuple(replace(s, canvas_index=s.canvas_index + first) for s in own) if first else own)


def _first_of(turn: Turn) -> Turn:
    """The turn that this one goes on with, if it does."""
    return _first_of(turn.replaces) if turn.begun and turn.replaces else turn


def _finished_of(turn: Turn) -> Finished | None:
    """How it ended; of one that went on, text and counts are of the whole."""
    if turn.finished is None:
        return None
    stats, before = turn.finished.stats, None
    if turn.begun and turn.replaces:
        before = _finished_of(turn.replaces)
    return replace(
        turn.finished,
        text=turn.text,
        thought=turn.thought,
        stats=_together(before.stats, stats) if before else stats,
    )


def _together(first: GenerationStats, then: GenerationStats) -> GenerationStats:
    return replace(
        first,
        generated_tokens=first.generated_tokens + then.generated_tokens,
        canvases=first.canvases + then.canvases,
        denoising_steps=first.denoising_steps + then.denoising_steps,
        prefill_seconds=first.prefill_seconds + then.prefill_seconds,
        denoise_seconds=first.denoise_seconds + then.denoise_seconds,
    )


def _prefilled_of(stats: GenerationStats) -> Prefilled:
    """Of a stored answer; turns that were left out are not stored, and the time is that of all encoding."""
    return Prefilled(stats.prompt_tokens, stats.cached_tokens, 0, stats.prefill_seconds)


def _settings_of(turn: Turn) -> dict[str, object]:
    known = {name: value for name, value in asdict(turn.settings).items() if value is not None}
    return {name: value for name, value in known.items() if name not in {"seed", "alternatives"}}
