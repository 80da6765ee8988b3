"""A finished answer with all that is told about it: the object of `--json`, and the last line of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from dgchat.engine.events import (
    EngineInfo,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
)
from dgchat.stream.fields import Fields


@dataclass(frozen=True, slots=True)
class Answered:
    finished: Finished
    """The answer."""
    model: str
    """Name of the model that gave it."""
    seed: int
    """The seed that it is a function of."""
    settings: Mapping[str, object]
    """What it was asked with, under the names of `--json`."""

    @classmethod
    def of(cls, finished: Finished, request: GenerationRequest, info: EngineInfo) -> Answered:
        """The answer to `request` by the engine that `info` is about."""
        return cls(finished, info.model, request.seed, _settings_of(request, info))


def as_fields(answered: Answered) -> dict[str, object]:
    """Under their JSON names, in the order they are written."""
    finished = answered.finished
    return {
        "text": finished.text,
        "thought": finished.thought,
        "finish_reason": finished.reason.value,
        "model": answered.model,
        "seed": answered.seed,
        "settings": dict(answered.settings),
        "stats": stats_of(finished.stats),
    }


def from_fields(given: Fields) -> Answered:
    """The answer that `as_fields` wrote; StreamError if something is missing or of another kind."""
    finished = Finished(
        text=given.text("text"),
        thought=given.text("thought"),
        reason=given.one_of("finish_reason", FinishReason),
        stats=_read_stats(given.object("stats")),
    )
    return Answered(finished, given.text("model"), given.whole("seed"), given.object("settings").raw)


def stats_of(stats: GenerationStats) -> dict[str, float | None]:
    """The counts, times (seconds) and speeds of an answer under their JSON names."""
    return {
        **asdict(stats),
        "tokens_per_second": stats.tokens_per_second,
        "parallel_tokens_per_second": stats.parallel_tokens_per_second,
        "tokens_per_forward": stats.tokens_per_forward,
    }


def _read_stats(given: Fields) -> GenerationStats:
    times = {name: given.number(name) for name in ("prefill_seconds", "denoise_seconds")}
    peak = given.whole_or_null("peak_memory_bytes")
    counts = {
        field.name: given.whole(field.name)
        for field in fields(GenerationStats)
        if field.name not in {*times, "peak_memory_bytes"}
    }
    return GenerationStats(
        **counts,
        prefill_seconds=times["prefill_seconds"],
        denoise_seconds=times["denoise_seconds"],
        peak_memory_bytes=peak,
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
