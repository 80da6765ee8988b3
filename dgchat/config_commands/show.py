"""`dgchat config show`: every setting, its value, and where that comes from."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from typing import TextIO

from dgchat.paths import config_file
from dgchat.safe_text import visible
from dgchat.settings import ChosenSettings, Origin, flag_of, variable_of


def run_show(chosen: ChosenSettings, out: TextIO, *, json: bool) -> int:
    """Write the settings to `out`; returns the exit code."""
    values = asdict(chosen.settings)
    if json:
        settings = {
            name: {"value": value, "from": chosen.origins[name].value} for name, value in values.items()
        }
        out.write(json_format.dumps({"path": str(config_file()), "settings": settings}) + "\n")
        return 0
    shown = {name: _as_shown(value) for name, value in values.items()}
    name_width, value_width = max(map(len, shown)), max(map(len, shown.values()))
    for name, value in shown.items():
        origin = _in_words(name, chosen.origins[name])
        out.write(f"{name:<{name_width}}  {value:<{value_width}}  {visible(origin, newlines=False)}\n")
    return 0


def _as_shown(value: object) -> str:
    if value is None:
        return "left out"
    return json_format.dumps(value, ensure_ascii=True)


def _in_words(name: str, origin: Origin) -> str:
    words = {
        Origin.DEFAULT: "default",
        Origin.FILE: str(config_file()),
        Origin.VARIABLE: variable_of(name),
        Origin.FLAG: flag_of(name),
    }
    return words[origin]
