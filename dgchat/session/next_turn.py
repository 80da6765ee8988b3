"""What the commands do that change the next turn; each gives the sentence to be said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from dgchat.engine.events import MAX_SEED
from dgchat.errors import UsageError
from dgchat.session.commands import read_number, read_switch
from dgchat.session.needs import need_model
from dgchat.session.presets import preset_of, read_steps
from dgchat.session.session import Session


def _system(session: Session, argument: str) -> str:
    settings = session.settings
    if not argument:
        return f"system: {settings.system}" if settings.system else "there are no instructions"
    system = "" if argument.lower() == "off" else argument
    session.settings = replace(settings, system=system)
    return "from the next turn on" if system else "no instructions any more"


def _steps(session: Session, argument: str) -> str:
    need_model(session)
    if argument:
        session.settings = replace(session.settings, steps=read_steps(argument, session.max_steps))
    name = preset_of(session.steps, session.max_steps)
    told = f"{session.steps} steps ({name})" if name else f"{session.steps} steps"
    return f"{told}, from the next turn on"


def _tokens(session: Session, argument: str) -> str:
    need_model(session)
    if argument:
        most = session.max_canvases * session.canvas_length
        tokens = read_number(argument, "The number of tokens", 1, most)
        session.settings = replace(session.settings, max_tokens=tokens)
    return f"{session.max_tokens} tokens, {session.canvases} canvases, from the next turn on"


def _seed(session: Session, argument: str) -> str:
    if argument:
        is_fresh = argument.lower() == "fresh"
        seed = None if is_fresh else read_number(argument, "The seed", 0, MAX_SEED)
        session.settings = replace(session.settings, seed=seed)
    seed = session.settings.seed
    return "a fresh seed every turn" if seed is None else f"seed {seed}, until /seed fresh"


def _think(session: Session, argument: str) -> str:
    thinking = read_switch(argument, session.settings.thinking)
    if thinking and session.info and not session.info.can_think:
        raise UsageError(f"{session.info.model} has no thought channel.")
    session.settings = replace(session.settings, thinking=thinking)
    return "the model thinks first" if thinking else "the model answers right away"


def _alternatives(session: Session, argument: str) -> str:
    wanted = read_switch(argument, session.settings.alternatives)
    session.settings = replace(session.settings, alternatives=wanted)
    told = "the five likeliest tokens are recorded" if wanted else "alternatives are not recorded"
    return f"{told}, from the next turn on"


NEXT_TURN_COMMANDS: Mapping[str, Callable[[Session, str], str]] = {
    "system": _system,
    "steps": _steps,
    "tokens": _tokens,
    "seed": _seed,
    "think": _think,
    "alternatives": _alternatives,
}
"""Command name -> what it does with its argument; UsageError for one that it cannot use."""
