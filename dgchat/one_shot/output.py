"""What a one-shot leaves behind: the answer on stdout, as text or JSON, and a line about it on stderr."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

from dgchat.engine.events import EngineInfo, Finished, FinishReason, GenerationRequest, GenerationStats
from dgchat.safe_text import visible
from dgchat.session.turn import Turn

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def as_text(finished: Finished, is_terminal: bool) -> str:
    """The answer alone."""
    return written(finished.text, is_terminal)


def written(text: str, is_terminal: bool) -> str:
    """The text and a newline; a file or pipe gets it letter for letter, except what a terminal would obey."""
    text = text.rstrip("\n")
    if is_terminal:
        return visible(text) + "\n"
    return _CONTROLS.sub(lambda control: visible(control[0], newlines=False), text) + "\n"


def as_json(finished: Finished, request: GenerationRequest, info: EngineInfo) -> str:
    """One object on one line, in ASCII: no byte of it can steer a terminal."""
    answer = {
        "text": finished.text,
        "thought": finished.thought,
        "finish_reason": finished.reason.value,
        "model": info.model,
        "seed": request.seed,
        "settings": _settings_of(request, info),
        "stats": stats_of(finished.stats),
    }
    return json.dumps(answer) + "\n"


def stats_of(stats: GenerationStats) -> dict[str, float]:
    """The counts, times (seconds) and speeds of an answer under their JSON names."""
    return {
        "prompt_tokens": stats.prompt_tokens,
        "cached_tokens": stats.cached_tokens,
        "generated_tokens": stats.generated_tokens,
        "canvases": stats.canvases,
        "denoising_steps": stats.denoising_steps,
        "prefill_seconds": stats.prefill_seconds,
        "denoise_seconds": stats.denoise_seconds,
        "tokens_per_second": stats.tokens_per_second,
        "parallel_tokens_per_second": stats.parallel_tokens_per_second,
        "tokens_per_forward": stats.tokens_per_forward,
    }


def note_on(turn: Turn, request: GenerationRequest) -> str | None:
    """What a reader should know even without a terminal: the answer was stopped, cut, or is not there."""
    finished = turn.finished
    if finished is None:
        return None
    if finished.reason is FinishReason.CANCELLED:
        return f"stopped at step {turn.stopped_at}"
    if finished.reason is FinishReason.LENGTH:
        tokens = finished.stats.generated_tokens
        if tokens < request.max_new_tokens:
            return f"the answer was cut at {tokens} tokens: the model's context is full"
        return f"the answer was cut at {tokens} tokens; --max-tokens allows more"
    return None if finished.text.strip() else "the model gave no answer"


def summary_of(finished: Finished, seed: int) -> str:
    """Named figures of the answer, for a person."""
    stats = finished.stats
    return (
        f"{stats.generated_tokens} tokens · {stats.denoising_steps} steps"
        f" · {stats.prefill_seconds + stats.denoise_seconds:.2f} s · {stats.tokens_per_second:.0f} tok/s"
        f" · {stats.tokens_per_forward:.1f} tokens per forward · seed {seed}"
    )


def _settings_of(request: GenerationRequest, info: EngineInfo) -> dict[str, object]:
    system = next((message.text for message in request.messages if message.role == "system"), "")
    sampler = asdict(request.sampler)
    return {
        "steps": sampler.pop("max_denoising_steps"),
        "max_tokens": request.max_new_tokens,
        "thinking": request.thinking,
        "system": system,
        "device": info.device,
        "dtype": info.dtype,
        **sampler,
    }
