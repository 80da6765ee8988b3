"""Writes the report: in lines, or as one JSON object."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator, Sequence
from typing import TextIO

from dgchat.doctor.computing import find_computing
from dgchat.doctor.fact import Finding, Problem, Section, without_home
from dgchat.doctor.models import find_models
from dgchat.doctor.places import find_places
from dgchat.doctor.program import find_program
from dgchat.doctor.terminal import find_terminal
from dgchat.errors import DgchatError
from dgchat.safe_text import visible
from dgchat.settings import ChosenSettings

SECTIONS: tuple[Section, ...] = (find_program, find_computing, find_models, find_places, find_terminal)

_WIDTH = 10


def run_doctor(
    chosen: ChosenSettings, out: TextIO, *, json: bool = False, found: Sequence[DgchatError] = ()
) -> int:
    """Write the report to `out`; the exit code is that of the first problem, counting those `found`."""
    problems = list(found)
    values: dict[str, object] = {}
    for error in found:
        _tell(error, out, json)
    for finding in _findings(chosen):
        if isinstance(finding, Problem):
            problems.append(finding.error)
            _tell(finding.error, out, json)
            continue
        values[finding.name] = finding.value
        if not json:
            _write(out, finding.name, finding.words)
    if json:
        values["problems"] = [_as_object(error) for error in problems]
        out.write(json_format.dumps(_without_home(values)) + "\n")
    return problems[0].exit_code if problems else 0


def _findings(chosen: ChosenSettings) -> Iterator[Finding]:
    for section in SECTIONS:
        try:
            yield from section(chosen)
        except DgchatError as error:
            yield Problem(error)


def _tell(error: DgchatError, out: TextIO, json: bool) -> None:
    if not json:
        _write(out, "problem", str(error))


def _write(out: TextIO, name: str, words: str) -> None:
    for index, line in enumerate(words.split("\n")):
        label = "" if index else name
        out.write(f"{label:<{_WIDTH}} {visible(without_home(line), newlines=False)}\n")


def _as_object(error: DgchatError) -> dict[str, object]:
    return {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}


def _without_home(value: object) -> object:
    if isinstance(value, str):
        return without_home(value)
    if isinstance(value, dict):
        return {key: _without_home(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_home(inner) for inner in value]
    return value
