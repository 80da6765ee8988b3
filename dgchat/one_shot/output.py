"""What a one-shot leaves behind: the answer on stdout, as text or JSON, and a line about it on stderr."""

from __future__ import annotations

import json
import re

from dgchat.engine.events import Finished, FinishReason, GenerationRequest
from dgchat.errors import DgchatError
from dgchat.one_shot.code_blocks import code_blocks
from dgchat.one_shot.wanted import FIRST_BLOCK, Wanted
from dgchat.safe_text import visible
from dgchat.session.turn import Turn
from dgchat.stream.answered import Answered, as_fields

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def as_wanted(answered: Answered, wanted: Wanted, is_terminal: bool) -> str:
    """What is to be printed; DgchatError if the part that is wanted is not there."""
    if wanted.json:
        return as_json(answered)
    return as_text(_part(answered.finished, wanted), is_terminal)


def as_text(answer: str, is_terminal: bool) -> str:
    """The answer alone; a file or pipe gets it letter for letter, except what a terminal would obey."""
    text = answer.rstrip("\n")
    if is_terminal:
        return visible(text) + "\n"
    return _CONTROLS.sub(lambda control: visible(control[0], newlines=False), text) + "\n"


def as_json(answered: Answered) -> str:
    """One object on one line, in ASCII: no byte of it can steer a terminal."""
    return json.dumps(as_fields(answered)) + "\n"


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
