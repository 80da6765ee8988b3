"""The last turn of a conversation, as the commands need it."""

from __future__ import annotations

from dgchat.engine.events import GenerationStats
from dgchat.errors import UsageError
from dgchat.session.session import Session
from dgchat.session.turn import Turn


def last_turn(session: Session) -> Turn:
    """The last turn that has an answer; UsageError if there is none."""
    if not session.turns:
        raise UsageError("There is no answer yet.")
    return session.turns[-1]


def cut_turn(session: Session) -> Turn:
    """The last turn if its answer was cut and can go on; UsageError if not."""
    turn = last_turn(session)
    if not turn.is_cut:
        raise UsageError("The last answer was not cut at its limit.", hint="/retry answers again")
    if not turn.text:
        raise UsageError("The answer was cut before its first word.", hint="allow more tokens and /retry")
    return turn


def describe_stats(turn: Turn) -> str:
    """Every figure of a turn by its name."""
    if turn.finished is None:
        return "no figures"
    stats = turn.finished.stats
    if turn.is_remote:
        return _describe_told(stats)
    lines = [
        f"answer       {stats.generated_tokens} tokens on {stats.canvases} canvases,"
        f" ended by {turn.finished.reason}",
        f"prompt       {stats.prompt_tokens} tokens, {stats.cached_tokens} of them cached,"
        f" {stats.prefill_seconds:.2f} s" + _left_out(turn),
        f"denoising    {stats.denoising_steps} steps, {stats.denoise_seconds:.2f} s,"
        f" {1000 * stats.denoise_seconds / max(1, stats.denoising_steps):.1f} ms/step",
        f"effective    {stats.tokens_per_second:.1f} tok/s: answer tokens per second of waiting",
        f"parallel     {stats.parallel_tokens_per_second:.0f} tok/s: canvas tokens times steps per second",
        f"per forward  {stats.tokens_per_forward:.2f} tokens: the gain over one token at a time",
        f"seed         {turn.seed}",
    ]
    return "\n".join(lines)


def _left_out(turn: Turn) -> str:
    turns = turn.prefilled.dropped_turns if turn.prefilled else 0
    return f"; the {turns} oldest turns were left out" if turns else ""


def _describe_told(stats: GenerationStats) -> str:
    """What is known of an answer that came from a server; 0 stands for what it did not tell."""
    return "\n".join(
        [
            f"answer       {stats.generated_tokens or 'an unknown number of'} tokens",
            f"prompt       {stats.prompt_tokens or 'an unknown number of'} tokens",
            f"waited       {stats.denoise_seconds:.2f} s; steps and seed are the server's own",
        ]
    )
