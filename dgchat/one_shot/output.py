"""What a one-shot leaves behind: the answer on stdout, as text or JSON, and a line about it on stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from dgchat.engine.events import EngineInfo, Finished, FinishReason, GenerationRequest
from dgchat.errors import DgchatError
from dgchat.one_shot.code_blocks import code_blocks
from dgchat.one_shot.wanted import FIRST_BLOCK, Wanted
from dgchat.safe_text import visible
from dgchat.session.turn import Turn
from dgchat.settings import Settings
from dgchat.stream.answered import Answered, as_fields

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def as_wanted(answered: Answered, wanted: Wanted, is_terminal: bool, refined: Mapping[str, object]) -> str:
    """What is to be printed; DgchatError if the part that is wanted is not there. JSON also has `refined`."""
    if wanted.json:
        return as_json(answered, refined)
    return as_text(_part(answered.finished, wanted), is_terminal)


def as_text(answer: str, is_terminal: bool) -> str:
    """The answer alone; a file or pipe gets it letter for letter, except what a terminal would obey."""
    text = answer.rstrip("\n")
    if is_terminal:
        return visible(text) + "\n"
    return _CONTROLS.sub(lambda control: visible(control[0], newlines=False), text) + "\n"


def as_json(answered: Answered, more: Mapping[str, object]) -> str:
    """One object on one line, in ASCII: no byte of it can steer a terminal."""
    return json.dumps({**as_fields(answered), **more}) + "\n"


def note_on(turn: Turn, request: GenerationRequest) -> str | None:
    """What a reader should know even without a terminal: the answer was stopped, cut, or is not there."""
    finished = turn.finished
    if finished is None or finished.note:
        return finished.note if finished else None
    if finished.reason is FinishReason.CANCELLED:
        return "stopped" if turn.is_remote else f"stopped at step {turn.stopped_at}"
    if finished.reason is FinishReason.LENGTH:
        return _why_cut(finished.stats.generated_tokens, request)
    return None if finished.text.strip() else "the model gave no answer"


def ignored_by(info: EngineInfo, settings: Settings) -> str | None:
    """Which settings that were chosen mean nothing to a server."""
    if info.streams_steps:
        return None
    chosen = {
        "device": settings.device != "auto",
        "steps": settings.steps is not None,
        "context": settings.context is not None,
        "seed": settings.seed is not None,
    }
    ignored = [name for name, is_chosen in chosen.items() if is_chosen]
    return f"the server has its own {', '.join(ignored)}: not sent" if ignored else None


def summary_of(finished: Finished, seed: int) -> str:
    """Named figures of the answer, for a person."""
    stats = finished.stats
    return (
        f"{stats.generated_tokens} tokens · {stats.denoising_steps} steps"
        f" · {stats.prefill_seconds + stats.denoise_seconds:.2f} s · {stats.tokens_per_second:.0f} tok/s"
        f" · {stats.tokens_per_forward:.1f} tokens per forward · seed {seed}"
    )


def _why_cut(tokens: int, request: GenerationRequest) -> str:
    if tokens < request.max_new_tokens:
        return f"the answer was cut at {tokens} tokens: the model's context is full"
    return f"the answer was cut at {tokens} tokens; --max-tokens allows more"


def _part(finished: Finished, wanted: Wanted) -> str:
    if wanted.thought:
        if not finished.thought.strip():
            raise DgchatError("the answer has no thought")
        return finished.thought.strip()
    if wanted.code is None:
        return finished.text
    blocks = code_blocks(finished.text)
    if not blocks:
        raise DgchatError("the answer has no fenced code block", hint="without --code it is printed whole")
    return blocks[0] if wanted.code == FIRST_BLOCK else "\n".join(blocks)
