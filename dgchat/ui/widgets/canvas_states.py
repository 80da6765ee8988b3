"""What each token of a canvas looks like at a step: settled, fresh, draft or noise. No textual."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len

from dgchat.engine.events import CanvasStep, entropy_of_level
from dgchat.safe_text import visible
from dgchat.ui.widgets.canvas_layout import fit
from dgchat.ui.widgets.drawn_token import DrawnToken, State

FRESH_SECONDS = 0.25
"""A token that has just settled is drawn bold for this long."""

SETTLED_RUN = 2
"""Unchanged for this many steps, a token counts as settled if the model is sure of it."""

LONG_RUN = 3
"""Unchanged for this many steps, it counts as settled if the model is nearly sure."""

SURE_LEVEL = 1
"""Highest entropy level at which the model is sure."""

NEARLY_SURE_LEVEL = 2
"""Highest entropy level at which a token that merely stays is believed; a wild guess may stay for long."""

MAX_NOISE_CELLS = 6
"""Unknown tokens can be twenty cells wide; their noise is not."""

NOISE_CELL = "░"
"""One cell of noise, for which a theme has glyphs of its own."""

END_GLYPH = "·"
"""Stands for an end-of-turn token, which has no text to show."""


class CanvasStates:
    """Follows one canvas from step to step; every step must be observed, also those that are not drawn."""

    def __init__(self, entropy_levels: tuple[float, ...], raw_noise: bool = False) -> None:
        """With `raw_noise` a token that is noise shows its text."""
        self._raw_noise = raw_noise
        self._noise_level = len(entropy_levels)
        self._levels = bytes(bisect_left(entropy_levels, entropy_of_level(byte)) for byte in range(256))
        self._runs: list[int] = []
        self._token_ids: list[int] = []
        self._settled = bytearray()
        self._settled_ids: list[int | None] = []
        self._fresh_until: list[float] = []
        self._overturned: set[int] = set()
        self._end: int | None = None
        self._end_run = 0
        self._step: CanvasStep | None = None
        self._pieces: Sequence[str] = ()
        self._texts: dict[str, tuple[str, int]] = {}
        self._noises: dict[int, str] = {}
        self._kept: dict[int, tuple[tuple[object, ...], DrawnToken]] = {}
        self._minds: list[list[str]] = []
        self.num_overturned = 0
        """Settled tokens that have changed after all."""
        self.latest_overturned: int | None = None
        """The position of the last of them."""

    def observe(self, step: CanvasStep, now: float) -> None:
        """Take in the next step; `now` starts the moment in which newly settled tokens are fresh."""
        if not self._token_ids:
            self._start(len(step.token_ids))
        self._end_run = self._end_run + 1 if step.end == self._end and self._step else 1
        self._end, self._step = step.end, step
        self._pieces = _joined(step)
        for position, token_id in enumerate(step.token_ids):
            if token_id == self._token_ids[position]:
                self._runs[position] += 1
            else:
                self._change(position, token_id)
            if not self._settled[position] and self._has_settled(position):
                self._settled[position] = 1
                if self._settled_ids[position] != token_id:
                    self._settled_ids[position] = token_id
                    self._fresh_until[position] = now + FRESH_SECONDS

    def tokens(self, now: float) -> tuple[DrawnToken, ...]:
        """The tokens to draw: nothing past a stable end, dim ones past an unstable one."""
        if self._step is None:
            return ()
        count = self._num_drawn()
        drawn = tuple(self._drawn(position, now) for position in range(count))
        return _with_thought_folded(drawn, self._step.thought) if self._step.thought else drawn

    def fresh_ends(self, now: float) -> bool:
        """Whether some token was fresh at the last drawing before `now` and is not any more."""
        return any(until and until <= now for until in self._fresh_until)

    def forget_fresh(self, now: float) -> None:
        """Note that tokens whose moment is over have been drawn as settled."""
        self._fresh_until = [until if until > now else 0.0 for until in self._fresh_until]

    @property
    def settled_fraction(self) -> float:
        """Settled tokens of those up to the end of the turn, 0 to 1."""
        if self._step is None:
            return 0.0
        count = len(self._token_ids) if self._end is None else self._end + 1
        return sum(self._settled[:count]) / max(1, count)

    @property
    def num_settled(self) -> int:
        """Settled tokens before the end of the turn."""
        count = len(self._token_ids) if self._end is None else self._end
        return sum(self._settled[:count])

    def minds(self, position: int | None) -> tuple[str, ...]:
        """What the token at a position has been, one after the other; untrusted text."""
        return () if position is None else tuple(self._minds[position])

    def _start(self, length: int) -> None:
        self._runs = [0] * length
        self._token_ids = [-1] * length
        self._settled = bytearray(length)
        self._settled_ids = [None] * length
        self._minds = [[] for _ in range(length)]
        self._fresh_until = [0.0] * length

    def _change(self, position: int, token_id: int) -> None:
        is_within = self._end is None or position < self._end
        if self._settled[position] and is_within:
            self._overturned.add(position)
            self.num_overturned += 1
            self.latest_overturned = position
        self._token_ids[position], self._runs[position], self._settled[position] = token_id, 1, 0
        if self._step is not None:
            self._minds[position].append(self._pieces[position])

    def _has_settled(self, position: int) -> bool:
        """Whether it counts as settled from now on, until it changes: a wavering entropy does not blink."""
        run, level = self._runs[position], self._level(position)
        return (run >= SETTLED_RUN and level <= SURE_LEVEL) or (
            run >= LONG_RUN and level <= NEARLY_SURE_LEVEL
        )

    def _level(self, position: int) -> int:
        return self._levels[self._step.entropy_levels[position]] if self._step else self._noise_level

    def _num_drawn(self) -> int:
        if self._end is not None and self._end_run >= SETTLED_RUN:
            return self._end
        count = len(self._token_ids)
        if self._end is None:
            return count
        while count > self._end + 1 and self._is_padding(count - 1):
            count -= 1
        return count

    def _is_padding(self, position: int) -> bool:
        """Whether nothing is written there: an end of turn, or what fills the canvas behind it."""
        if self._end is None or position < self._end:
            return False
        return self._token_ids[position] in (self._token_ids[self._end], self._token_ids[-1])

    def _drawn(self, position: int, now: float) -> DrawnToken:
        level = self._level(position)
        if self._settled[position]:
            state = State.FRESH if self._fresh_until[position] > now else State.SETTLED
        else:
            state = State.NOISE if level >= self._noise_level else State.DRAFT
        if state is State.NOISE:
            text = self._noise(position)
            width = cell_len(text)
        else:
            text, width = self._text(position)
        is_past_end = self._end is not None and position >= self._end
        overturned = position in self._overturned and state is not State.SETTLED
        tint = level if state is State.DRAFT else 0
        look = (text, state, tint, is_past_end, overturned)
        if position not in self._kept or self._kept[position][0] != look:
            self._kept[position] = (
                look,
                DrawnToken(text, width, state, tint, is_past_end=is_past_end, is_overturned=overturned),
            )
        return self._kept[position][1]  # the same object, so that a row can be seen to be the same

    def _text(self, position: int) -> tuple[str, int]:
        assert self._step is not None
        if self._is_padding(position):
            return END_GLYPH, 1
        piece = self._pieces[position]
        if piece not in self._texts:
            text = visible(piece)
            self._texts[piece] = text, cell_len(text) + text.count("\n")
        return self._texts[piece]

    def _noise(self, position: int) -> str:
        """As wide as the first token there was; it stays while one unknown token follows the other."""
        if self._raw_noise or self._is_padding(position):
            return fit(self._text(position)[0], 0, min(MAX_NOISE_CELLS, self._text(position)[1]))
        if position not in self._noises:
            text, width = self._text(position)
            cells = max(1, min(MAX_NOISE_CELLS, width))
            blanks = min(cells - 1, len(text) - len(text.lstrip(" ")))
            self._noises[position] = " " * blanks + NOISE_CELL * (cells - blanks)
        return self._noises[position]


def _joined(step: CanvasStep) -> Sequence[str]:
    """The text of each token; of a run that is a character together, the first has all of it."""
    if not step.joined:
        return step.pieces
    pieces = list(step.pieces)
    for begin, end, text in step.joined:
        pieces[begin:end] = [text, *[""] * (end - begin - 1)]
    return pieces


def _with_thought_folded(tokens: tuple[DrawnToken, ...], thought: bytes) -> tuple[DrawnToken, ...]:
    """The tokens of each stretch of thought as one dim line that says how many they are."""
    drawn: list[DrawnToken] = []
    for is_thought, run in groupby(zip(tokens, thought, strict=False), key=itemgetter(1)):
        stretch = [token for token, _ in run]
        if is_thought:
            line = f"▸ thinking, {len(stretch)} tokens\n"
            folded = DrawnToken(line, cell_len(line) + 1, State.SETTLED, 0, is_aside=True)
            drawn += [folded, *[DrawnToken("", 0, State.SETTLED, 0)] * (len(stretch) - 1)]
        else:
            drawn += stretch
    return tuple(drawn)
