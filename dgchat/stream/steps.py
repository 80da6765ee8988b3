"""A denoising step as fields of a line and back: only what has changed since the step before is written.

Of 256 tokens, all ids would take 1 KB a step and all pieces 2 KB; most tokens stay what they were, and a
piece need only be told once.
"""

from __future__ import annotations

from array import array
from base64 import b64encode
from collections.abc import Iterable, Sequence
from itertools import chain

from dgchat.engine.events import ALTERNATIVES_PER_TOKEN, Alternatives, CanvasStep
from dgchat.errors import StreamError
from dgchat.stream import MAX_CANVAS_LENGTH
from dgchat.stream.fields import Fields

BYTES_PER_ID = 3
"""Little-endian; enough for 16 million tokens."""

BYTES_PER_PROBABILITY = 2
"""Little-endian; 0 to 65535 for 0 to 1."""

_LARGEST_PROBABILITY = 2 ** (8 * BYTES_PER_PROBABILITY) - 1

_DIGITS = 6
"""After the point, of temperatures and seconds."""


class StepWriter:
    """Follows the steps of one stream and remembers what its reader knows by now."""

    def __init__(self) -> None:
        self._pieces: dict[int, str] = {}
        self._before: CanvasStep | None = None

    def fields(self, step: CanvasStep) -> dict[str, object]:
        """The step under its JSON names."""
        changed = self._changed(step)
        new = self._new_pieces(step)
        self._before = step
        ids = [token_id for token_id, is_new in zip(step.token_ids, changed, strict=True) if is_new]
        return {
            "canvas_index": step.canvas_index,
            "step": step.step,
            "max_steps": step.max_steps,
            "temperature": round(step.temperature, _DIGITS),
            "seconds": round(step.seconds, _DIGITS),
            "end": step.end,
            "entropies": _base64(step.entropy_levels),
            "accepted": _base64(_pack(step.accepted)),
            "changed": _base64(_pack(changed)),
            "ids": _packed(ids, BYTES_PER_ID),
            "pieces": new,
            **_optional_fields(step),
        }

    def _new_pieces(self, step: CanvasStep) -> dict[str, str]:
        told = zip(step.token_ids, step.pieces, strict=True)
        if likely := step.alternatives:
            told = chain(told, zip(likely.token_ids, likely.pieces, strict=True))
        new = {token_id: piece for token_id, piece in told if self._pieces.get(token_id) != piece}
        self._pieces.update(new)
        return {str(token_id): piece for token_id, piece in new.items()}

    def _changed(self, step: CanvasStep) -> Sequence[int]:
        before = self._before
        if before is None or before.canvas_index != step.canvas_index:
            return [1] * len(step.token_ids)
        pairs = zip(step.token_ids, before.token_ids, strict=True)
        return [int(token_id != earlier) for token_id, earlier in pairs]


class StepReader:
    """Follows the steps of one stream and makes each of them whole again."""

    def __init__(self) -> None:
        self._pieces: dict[int, str] = {}
        self._token_ids: array[int] = array("i")
        self._canvas_index = -1

    def read(self, given: Fields) -> CanvasStep:
        """The step that was written; StreamError if its parts do not fit each other or the step before."""
        entropies = given.packed("entropies")
        length = len(entropies)
        if not 0 < length <= MAX_CANVAS_LENGTH:
            raise StreamError(f"its canvas has {length} tokens")
        canvas_index = given.whole("canvas_index")
        end = given.whole_or_null("end")
        if end is not None and end >= length:
            raise StreamError("its end lies beyond its canvas")
        self._learn(given.object("pieces"))
        self._change(given, length, is_first=canvas_index != self._canvas_index)
        self._canvas_index = canvas_index
        return CanvasStep(
            canvas_index=canvas_index,
            step=given.whole("step", 1),
            max_steps=given.whole("max_steps", 1),
            temperature=given.number("temperature"),
            token_ids=array("i", self._token_ids),
            pieces=tuple(map(self._piece, self._token_ids)),
            entropy_levels=entropies,
            accepted=_unpack(given.packed("accepted"), length),
            seconds=given.number("seconds"),
            end=end,
            alternatives=self._alternatives(given, length),
            joined=given.spans("joined", length),
            thought=_unpack(given.packed("thought"), length) if "thought" in given.raw else b"",
        )

    def _alternatives(self, given: Fields, length: int) -> Alternatives | None:
        if "alternatives" not in given.raw:
            return None
        told = given.object("alternatives")
        ids, levels = told.packed("ids"), told.packed("probabilities")
        count = ALTERNATIVES_PER_TOKEN * length
        if len(ids) != BYTES_PER_ID * count or len(levels) != BYTES_PER_PROBABILITY * count:
            raise StreamError(f"its alternatives are not {ALTERNATIVES_PER_TOKEN} a position")
        token_ids = array("i", _numbers(ids, BYTES_PER_ID))
        chances = (level / _LARGEST_PROBABILITY for level in _numbers(levels, BYTES_PER_PROBABILITY))
        return Alternatives(token_ids, tuple(map(self._piece, token_ids)), array("f", chances))

    def _learn(self, pieces: Fields) -> None:
        for token_id in pieces.raw:
            if not (token_id.isascii() and token_id.isdigit()):
                raise StreamError("its pieces are not named by token ids")
            self._pieces[int(token_id)] = pieces.text(token_id)

    def _change(self, given: Fields, length: int, *, is_first: bool) -> None:
        changed = _unpack(given.packed("changed"), length)
        ids = given.packed("ids")
        if len(ids) != BYTES_PER_ID * sum(changed):
            raise StreamError("its ids are not as many as its changed positions")
        if is_first and not all(changed):
            raise StreamError("it tells only what changed since a step that is missing")
        if not is_first and length != len(self._token_ids):
            raise StreamError("its canvas is not as long as in the step before")
        token_ids = array("i", bytes(4 * length)) if is_first else self._token_ids
        positions = (position for position, is_new in enumerate(changed) if is_new)
        for position, token_id in zip(positions, _numbers(ids, BYTES_PER_ID), strict=True):
            token_ids[position] = token_id
        self._token_ids = token_ids

    def _piece(self, token_id: int) -> str:
        piece = self._pieces.get(token_id)
        if piece is None:
            raise StreamError(f"token {token_id} has no piece")
        return piece


def _optional_fields(step: CanvasStep) -> dict[str, object]:
    """Those that most steps do without."""
    fields: dict[str, object] = {}
    if step.joined:
        fields["joined"] = [list(span) for span in step.joined]
    if step.thought:
        fields["thought"] = _base64(_pack(step.thought))
    if likely := step.alternatives:
        levels = (round(_LARGEST_PROBABILITY * min(1.0, chance)) for chance in likely.probabilities)
        fields["alternatives"] = {
            "ids": _packed(likely.token_ids, BYTES_PER_ID),
            "probabilities": _packed(levels, BYTES_PER_PROBABILITY),
        }
    return fields


def _packed(numbers: Iterable[int], size: int) -> str:
    return _base64(b"".join(number.to_bytes(size, "little") for number in numbers))


def _numbers(packed: bytes, size: int) -> list[int]:
    starts = range(0, len(packed), size)
    return [int.from_bytes(packed[start : start + size], "little") for start in starts]


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _pack(flags: Sequence[int]) -> bytes:
    """One bit a position, the first of each eight the lowest."""
    bits = "".join("1" if flag else "0" for flag in reversed(flags))
    return int(bits or "0", 2).to_bytes((len(flags) + 7) // 8, "little")


def _unpack(packed: bytes, length: int) -> bytes:
    if len(packed) != (length + 7) // 8:
        raise StreamError("it marks more or fewer positions than its canvas has")
    return bytes(packed[position // 8] >> position % 8 & 1 for position in range(length))
