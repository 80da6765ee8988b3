"""A trace as a few kilobytes, and back."""

from __future__ import annotations

import random
import struct
import time
import zlib
from array import array
from dataclasses import replace
from threading import Event

import pytest

from dgchat.engine.events import Alternatives, CanvasStep, GenerationRequest
from dgchat.engine.trace import Trace
from dgchat.engine.trace_codec import MAGIC, VERSION, pack_trace, unpack_trace
from dgchat.errors import TraceError
from scripted_engine import ScriptedEngine


def recorded(*, alternatives: bool = False, canvas_length: int = 32, answer: str = "word " * 50) -> Trace:
    trace = Trace()
    engine = ScriptedEngine(answer, steps=48, canvas_length=canvas_length)
    request = GenerationRequest((), 4 * canvas_length, seed=3, record_alternatives=alternatives)
    engine.generate(request, trace.record, Event())
    return trace


def one_step(**changes: object) -> CanvasStep:
    step = CanvasStep(0, 1, 48, 0.8, array("i", [7, 8]), ("a", "b"), b"\x00\xff", b"\x01\x00", 0.1, None)
    return replace(step, **changes)


def trace_of(*steps: CanvasStep) -> Trace:
    trace = Trace()
    for step in steps:
        trace.record(step)
    return trace


def test_every_step_comes_back_as_it_was():
    trace = recorded()
    assert len({step.canvas_index for step in trace}) > 1
    assert list(unpack_trace(pack_trace(trace))) == list(trace)


def test_an_empty_trace_comes_back_empty():
    assert len(unpack_trace(pack_trace(Trace()))) == 0


def test_accepted_bits_end_and_lone_surrogates_come_back():
    flags = bytes(random.Random(1).choices((0, 1), k=19))
    step = one_step(
        token_ids=array("i", range(19)),
        pieces=("\ud800", "海", "\x1b[2J", *("x" * 16)),
        entropy_levels=bytes(range(19)),
        accepted=flags,
        end=18,
    )
    assert list(unpack_trace(pack_trace(trace_of(step)))) == [step]


def test_the_same_token_may_have_another_text_elsewhere():
    step = one_step(token_ids=array("i", [7, 7]), pieces=("\ufffd", "é"))
    assert unpack_trace(pack_trace(trace_of(step)))[0].pieces == ("\ufffd", "é")


def test_characters_of_several_tokens_and_thoughts_come_back():
    step = one_step(joined=((0, 2, "\U0001f60a"),), thought=b"\x01\x00")
    assert list(unpack_trace(pack_trace(trace_of(step, one_step(step=2))))) == [step, one_step(step=2)]


def test_canvases_of_different_length_come_back():
    short = one_step(
        step=2, token_ids=array("i", [7]), pieces=("a",), entropy_levels=b"\x05", accepted=b"\x01"
    )
    nothing = one_step(step=3, token_ids=array("i"), pieces=(), entropy_levels=b"", accepted=b"")
    steps = [one_step(), short, nothing, one_step(canvas_index=1)]
    assert list(unpack_trace(pack_trace(trace_of(*steps)))) == steps


def test_alternatives_come_back_with_three_digits():
    probabilities = array("f", [0.7, 0.123456, 0.01, 1e-4, 0.0] * 2)
    pieces = tuple("abcdebcdea")
    told = Alternatives(array("i", range(10)), pieces, probabilities)
    steps = [one_step(alternatives=told), one_step(step=2)]
    first, second = unpack_trace(pack_trace(trace_of(*steps)))
    assert first.alternatives is not None
    assert first.alternatives.token_ids == told.token_ids
    assert first.alternatives.pieces == pieces
    assert list(first.alternatives.probabilities) == pytest.approx(list(probabilities), rel=1e-3, abs=1e-7)
    assert second.alternatives is None


def test_a_canvas_of_48_steps_takes_few_kilobytes_and_little_time():
    trace = recorded(canvas_length=256, answer="many different words " * 60)
    started = time.process_time()
    packed = pack_trace(trace)
    assert time.process_time() - started < 0.5
    canvases = {step.canvas_index for step in trace}
    assert len(packed) < 25_000 * len(canvases)
    assert list(unpack_trace(packed)) == list(trace)


def body_of(packed: bytes) -> bytes:
    return zlib.decompress(packed[len(MAGIC) + 1 :])


def packed_again(body: bytes) -> bytes:
    return MAGIC + bytes([VERSION]) + zlib.compress(body)


def test_damaged_data_is_an_error_of_its_own():
    packed = pack_trace(recorded())
    body = body_of(packed)
    (header_length,) = struct.unpack_from("<I", body)
    broken = [
        b"",
        b"nothing of the kind",
        MAGIC,
        packed[:-20],
        packed[:40] + b"\x00" + packed[41:],
        packed_again(b""),
        packed_again(body[:-1]),
        packed_again(body + b"\x00"),
        packed_again(struct.pack("<I", 2) + b"{}" + body[4 + header_length :]),
        packed_again(body.replace(b'"steps":[[0', b'"steps":[[x', 1)),
    ]
    for data in broken:
        with pytest.raises(TraceError):
            unpack_trace(data)


def test_any_changed_byte_is_read_or_refused_but_never_crashes():
    body = body_of(pack_trace(recorded(alternatives=True)))
    choose = random.Random(5)
    for _ in range(300):
        changed = bytearray(body)
        changed[choose.randrange(min(len(body), 9000))] = choose.randrange(256)
        try:
            unpack_trace(packed_again(bytes(changed)))
        except TraceError:
            continue


def test_a_newer_version_is_named():
    packed = pack_trace(trace_of(one_step()))
    newer = packed.replace(MAGIC + bytes([VERSION]), MAGIC + b"\x09", 1)
    with pytest.raises(TraceError, match="version 9; known is 1"):
        unpack_trace(newer)
