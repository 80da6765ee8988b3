"""The passes of the network that are timed: denoising steps, the commit of a canvas, one token at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from threading import Event as Flag

import torch

from dgchat.bench import NEVER_CONFIDENT, SEED
from dgchat.engine.canvas import Canvas
from dgchat.engine.denoise import denoise
from dgchat.engine.draws import Draws
from dgchat.engine.encode import encode
from dgchat.engine.events import SamplerConfig
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.prefix_rows import ConversationRow
from dgchat.shaped_bench.machine import wait_for
from dgchat.shaped_bench.subject import Subject


@dataclass(frozen=True, slots=True)
class Passes:
    """Seconds; warm-up runs are left out."""

    steps: tuple[float, ...]
    """Of every denoising step, its soft embedding included."""
    commits: tuple[float, ...]
    """Of encoding a whole canvas behind the prefix."""
    tokens: tuple[float, ...] = ()
    """Of every token written one at a time; empty unless asked for."""


@torch.inference_mode()
def time_passes(subject: Subject, prefix: int, steps: int, repeat: int, *, one_at_a_time: bool) -> Passes:
    """Denoise one canvas behind `prefix` random tokens, commit it, and write as many tokens one by one if
    that is wanted: once unmeasured and then `repeat` times.
    """
    cache = KVCache(subject.model.config, subject.device, subject.dtype)
    canvas_length = subject.model.config.canvas_length
    cache.reserve(prefix + canvas_length)
    encode(subject.model, cache, _random_ids(subject, prefix), Flag())
    cache.snapshot()
    runs: list[Passes] = []
    for _ in range(repeat + 1):
        stepped = _time_steps(subject, cache, steps)
        committed = _time_commit(subject, cache)
        cache.roll_back(prefix)
        tokens = _time_tokens(subject, cache, canvas_length) if one_at_a_time else ()
        cache.roll_back(prefix)
        runs.append(Passes(stepped, (committed,), tokens))
    return Passes(
        steps=tuple(seconds for run in runs[1:] for seconds in run.steps),
        commits=tuple(seconds for run in runs[1:] for seconds in run.commits),
        tokens=tuple(seconds for run in runs[1:] for seconds in run.tokens),
    )


def _random_ids(subject: Subject, count: int) -> list[int]:
    maker = torch.Generator().manual_seed(SEED)
    return torch.randint(subject.model.config.vocab_size, (count,), generator=maker).tolist()


def _time_steps(subject: Subject, cache: KVCache, steps: int) -> tuple[float, ...]:
    """A step is told before its soft embedding, so from one telling to the next is a whole one."""
    sampler = SamplerConfig(max_denoising_steps=steps + 1, confidence_threshold=NEVER_CONFIDENT)
    canvas = Canvas(subject.model, 0, sampler, Draws(SEED, subject.device))
    rows = ConversationRow(subject.model, cache, cache.length, Flag())
    canvases, told = [canvas], list[float]()
    for _ in denoise(subject.model, rows, canvases):
        wait_for(subject.device)
        told.append(time.perf_counter())
        if len(told) == steps + 1:
            canvases.clear()
    return tuple(later - earlier for earlier, later in pairwise(told))


def _time_commit(subject: Subject, cache: KVCache) -> float:
    ids = _random_ids(subject, subject.model.config.canvas_length)
    started = time.perf_counter()
    encode(subject.model, cache, ids, Flag())
    wait_for(subject.device)
    return time.perf_counter() - started


def _time_tokens(subject: Subject, cache: KVCache, count: int) -> tuple[float, ...]:
    """The likeliest token each time, by the same weights read causally."""
    token, seconds = 0, list[float]()
    where = torch.ones(1, 1, dtype=torch.bool, device=subject.device)
    for _ in range(count):
        started = time.perf_counter()
        ids = torch.tensor([[token]], device=subject.device)
        logits = subject.model.next_token_logits(ids, cache, where)
        cache.commit([token])
        token = int(logits[0].argmax())
        seconds.append(time.perf_counter() - started)
    return tuple(seconds)
