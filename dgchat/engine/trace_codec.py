"""A trace as a few kilobytes, and back: how an answer's denoising is stored.

Behind a magic word and a version lies one zlib stream: a JSON header (what holds for a whole step, and the
table of tokens), then one column for each kind of fact, step after step. Tokens and entropies are written as
what changed since the step before, which is little, and little changes compress well.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass
from typing import Any

from dgchat.engine.events import ALTERNATIVES_PER_TOKEN, Alternatives, CanvasStep
from dgchat.engine.trace import Trace
from dgchat.errors import TraceError

MAGIC = b"dgtrace"

VERSION = 1

MAX_BYTES = 512 * 1024 * 1024
"""Unpacked, nothing longer than this is a trace."""

_UNCHANGED = 0
"""In a step's tokens: the same as at the step before; any other number is 1 + the place in the table."""

_TO_DIGITS = bytes.maketrans(b"\x00\x01", b"01")
_FROM_DIGITS = bytes.maketrans(b"01", b"\x00\x01")


def pack_trace(trace: Trace) -> bytes:
    """The trace as bytes; everything is kept exactly, but probabilities to three digits."""
    tokens, columns = _TokenTable(), _Columns()
    rows: list[list[object]] = []
    before: CanvasStep | None = None
    for step in trace:
        rows.append(_row(step))
        columns.add(step, _comparable(before, step), tokens)
        before = step
    header = json.dumps({"steps": rows, "tokens": list(tokens.places)}, separators=(",", ":")).encode()
    body = struct.pack("<I", len(header)) + header + columns.joined()
    return MAGIC + bytes([VERSION]) + zlib.compress(body, 6)


def unpack_trace(data: bytes) -> Trace:
    """The trace that `pack_trace` packed; TraceError for anything else."""
    body = _inflate(data)
    try:
        return _Unpacker(body).trace()
    except (
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OverflowError,
        RecursionError,
        struct.error,
    ) as error:
        raise TraceError("This trace is damaged.", hint="the answer's text is not affected") from error


def _inflate(data: bytes) -> bytes:
    if not data.startswith(MAGIC) or len(data) <= len(MAGIC):
        raise TraceError("This is no trace.")
    if (version := data[len(MAGIC)]) != VERSION:
        raise TraceError(f"This trace is of version {version}; known is {VERSION}.", hint="update dgchat")
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(data[len(MAGIC) + 1 :], MAX_BYTES)
    except zlib.error as error:
        raise TraceError("This trace is damaged.", hint="the answer's text is not affected") from error
    if not inflater.eof:
        raise TraceError("This trace is cut off, or too long to be one.")
    return body


def _row(step: CanvasStep) -> list[object]:
    return [
        step.canvas_index,
        step.step,
        step.max_steps,
        step.temperature,
        step.seconds,
        step.end,
        len(step.token_ids),
        step.alternatives is not None,
        step.joined,
        step.thought.translate(_TO_DIGITS).decode(),
    ]


def _comparable(before: CanvasStep | None, step: CanvasStep) -> CanvasStep | None:
    """The step before, if it is of the same canvas."""
    if before is None or before.canvas_index != step.canvas_index:
        return None
    return before if len(before.token_ids) == len(step.token_ids) else None


class _TokenTable:
    """Every token that occurs, once: its id and its text."""

    def __init__(self) -> None:
        self.places: dict[tuple[int, str], int] = {}

    def place(self, token_id: int, piece: str) -> int:
        """Where the token stands in the table, at its end if it is new."""
        return self.places.setdefault((token_id, piece), len(self.places))


class _Columns:
    """What is written behind the header."""

    def __init__(self) -> None:
        self._tokens = array("I")
        self._alternatives = array("I")
        self._entropies = bytearray()
        self._accepted = bytearray()
        self._probabilities = bytearray()

    def add(self, step: CanvasStep, before: CanvasStep | None, tokens: _TokenTable) -> None:
        """Append one step, as far as it differs from the one before."""
        pairs = list(zip(step.token_ids, step.pieces, strict=True))
        earlier = list(zip(before.token_ids, before.pieces, strict=True)) if before else [None] * len(pairs)
        self._tokens.extend(
            _UNCHANGED if pair == same else 1 + tokens.place(*pair)
            for pair, same in zip(pairs, earlier, strict=True)
        )
        levels = before.entropy_levels if before else bytes(len(pairs))
        self._entropies += bytes(
            (level - past) & 0xFF for level, past in zip(step.entropy_levels, levels, strict=True)
        )
        self._accepted += _pack_bits(step.accepted)
        if step.alternatives:
            self._add_alternatives(step.alternatives, tokens)

    def joined(self) -> bytes:
        """All columns, in the order in which they are read."""
        numbers = (_little_endian(self._tokens), _little_endian(self._alternatives))
        return b"".join((*numbers, self._entropies, self._accepted, self._probabilities))

    def _add_alternatives(self, alternatives: Alternatives, tokens: _TokenTable) -> None:
        pairs = zip(alternatives.token_ids, alternatives.pieces, strict=True)
        self._alternatives.extend(tokens.place(*pair) for pair in pairs)
        self._probabilities += struct.pack(
            f"<{len(alternatives.probabilities)}e", *alternatives.probabilities
        )


@dataclass(frozen=True, slots=True)
class _Slices:
    """The part of each column that belongs to one step."""

    tokens: array[int]
    alternatives: array[int]
    entropies: bytes
    accepted: bytes
    probabilities: bytes


class _Unpacker:
    def __init__(self, body: bytes) -> None:
        (header_length,) = struct.unpack_from("<I", body)
        header: dict[str, Any] = json.loads(body[4 : 4 + header_length])
        self._rows: list[list[Any]] = header["steps"]
        self._tokens: list[tuple[int, str]] = [(int(token), str(piece)) for token, piece in header["tokens"]]
        self._rest, self._position = body, 4 + header_length

    def trace(self) -> Trace:
        """Every step, in order."""
        trace = Trace()
        before: CanvasStep | None = None
        for row, part in zip(self._rows, self._slices(), strict=True):
            step = self._step(row, part, before)
            trace.record(step)
            before = step
        return trace

    def _slices(self) -> list[_Slices]:
        lengths = [int(row[6]) for row in self._rows]
        wider = [
            length * ALTERNATIVES_PER_TOKEN * bool(row[7])
            for length, row in zip(lengths, self._rows, strict=True)
        ]
        if min(lengths, default=0) < 0:
            raise ValueError("a canvas of negative length")
        tokens = self._take([4 * length for length in lengths])
        alternatives = self._take([4 * length for length in wider])
        entropies = self._take(lengths)
        accepted = self._take([-(-length // 8) for length in lengths])
        probabilities = self._take([2 * length for length in wider])
        if self._position != len(self._rest):
            raise ValueError("columns do not fit the steps")
        columns = zip(
            map(_numbers, tokens),
            map(_numbers, alternatives),
            entropies,
            accepted,
            probabilities,
            strict=True,
        )
        return [_Slices(*column) for column in columns]

    def _take(self, lengths: list[int]) -> list[bytes]:
        taken: list[bytes] = []
        for length in lengths:
            taken.append(self._rest[self._position : self._position + length])
            self._position += length
        return taken

    def _step(self, row: list[Any], part: _Slices, before: CanvasStep | None) -> CanvasStep:
        canvas_index, number, max_steps, temperature, seconds, end, length, _, joined, thought = row
        is_first = before is None or before.canvas_index != canvas_index or len(before.token_ids) != length
        pairs = self._pairs(part.tokens, None if is_first else before)
        past = bytes(length) if is_first or before is None else before.entropy_levels
        levels = bytes((change + level) & 0xFF for change, level in zip(part.entropies, past, strict=True))
        return CanvasStep(
            canvas_index=int(canvas_index),
            step=int(number),
            max_steps=int(max_steps),
            temperature=float(temperature),
            token_ids=array("i", [token for token, _ in pairs]),
            pieces=tuple(piece for _, piece in pairs),
            entropy_levels=levels,
            accepted=_unpack_bits(part.accepted, length),
            seconds=float(seconds),
            end=None if end is None else int(end),
            alternatives=self._alternatives(part),
            joined=tuple((int(begin), int(past), str(text)) for begin, past, text in joined),
            thought=str(thought).encode().translate(_FROM_DIGITS),
        )

    def _pairs(self, changes: array[int], before: CanvasStep | None) -> list[tuple[int, str]]:
        if before is None:
            return [self._known(change) for change in changes]
        earlier = zip(before.token_ids, before.pieces, strict=True)
        return [
            same if change == _UNCHANGED else self._known(change)
            for change, same in zip(changes, earlier, strict=True)
        ]

    def _known(self, change: int) -> tuple[int, str]:
        if change == _UNCHANGED:
            raise ValueError("nothing to be the same as")
        return self._tokens[change - 1]

    def _alternatives(self, part: _Slices) -> Alternatives | None:
        if not part.alternatives:
            return None
        pairs = [self._tokens[place] for place in part.alternatives]
        probabilities = struct.unpack(f"<{len(pairs)}e", part.probabilities)
        return Alternatives(
            array("i", [token for token, _ in pairs]),
            tuple(piece for _, piece in pairs),
            array("f", probabilities),
        )


def _pack_bits(flags: bytes) -> bytes:
    """One bit for each byte of 0 or 1."""
    digits = flags.translate(_TO_DIGITS)
    return int(digits, 2).to_bytes(-(-len(flags) // 8), "little") if digits else b""


def _unpack_bits(packed: bytes, length: int) -> bytes:
    number = int.from_bytes(packed, "little") & ((1 << length) - 1)
    return f"{number:0{length}b}".encode().translate(_FROM_DIGITS) if length else b""


def _little_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(data: bytes) -> array[int]:
    numbers = array("I")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
