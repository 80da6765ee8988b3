"""`dgchat bench --against transformers`: the same steps by the reference's `generate`."""

from __future__ import annotations

import json as json_format
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from threading import Event as Flag
from typing import Any, TextIO

import torch

from dgchat.bench import NEVER_CONFIDENT, PROMPT, SEED
from dgchat.checkpoint import LoadedCheckpoint, find_checkpoint, open_checkpoint
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import ChatMessage, GenerationRequest
from dgchat.errors import UsageError

Run = Callable[[], object]
DEFAULT_STEPS = 48


def run_against(name: str | None, steps: int | None, repeat: int, *, json: bool, out: TextIO) -> int:
    """Measure both and report on `out`; returns the exit code."""
    folder = find_checkpoint(name)
    own, other = compare(folder, open_checkpoint(folder).load(), steps or DEFAULT_STEPS, repeat)
    result = {"dgchat_steps_per_second": own, "transformers_steps_per_second": other, "ratio": own / other}
    if json:
        out.write(json_format.dumps(result) + "\n")
    else:
        out.write(
            f"dgchat {own:.1f} steps/s, transformers {other:.1f} steps/s: {own / other:.2f} times as fast\n"
        )
    return 0


def compare(folder: Path, loaded: LoadedCheckpoint, steps: int, repeat: int) -> tuple[float, float]:
    """Median denoising steps per second of dgchat and of transformers, over `repeat` runs in turn, each of
    one canvas and its prompt with early stopping off, in fp32 on the CPU with every core.
    """
    torch.set_num_threads(os.cpu_count() or 1)
    ours, theirs = _our_run(loaded, steps), _their_run(folder, loaded, steps)
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(repeat + 1)][1:]
    return steps / median(own for own, _ in pairs), steps / median(other for _, other in pairs)


def _seconds(run: Run) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _our_run(loaded: LoadedCheckpoint, steps: int) -> Run:
    sampler = replace(
        loaded.generation.sampler, max_denoising_steps=steps, confidence_threshold=NEVER_CONFIDENT
    )
    request = GenerationRequest(
        messages=(ChatMessage("user", PROMPT),),
        max_new_tokens=loaded.model.config.canvas_length,
        sampler=sampler,
        seed=SEED,
    )
    return lambda: DiffusionEngine(loaded).generate(request, lambda _event: None, Flag())


def _their_run(folder: Path, loaded: LoadedCheckpoint, steps: int) -> Run:
    try:
        from transformers import DiffusionGemmaForBlockDiffusion  # the reference; only a comparison needs it
    except ImportError as error:
        raise UsageError("transformers is not installed", hint="pip install 'dgchat[test]'") from error
    reference: Any = DiffusionGemmaForBlockDiffusion.from_pretrained(folder, dtype=loaded.dtype).eval()
    rendered = loaded.template.render([ChatMessage("user", PROMPT)], thinking=False)
    prompt = torch.tensor([loaded.tokenizer.encode(rendered, loaded.tokenizer.guard([])[1])])
    reference.generation_config.stability_threshold = steps  # more equal canvases in a row than there will be
    reference.generation_config.max_denoising_steps = steps
    return lambda: reference.generate(prompt, max_new_tokens=loaded.model.config.canvas_length)
