"""What the terminal can do: as the environment says, as it replies itself, and as tmux says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping

from dgchat.doctor.fact import Fact, Finding
from dgchat.doctor.replies import Replies, ask_terminal
from dgchat.settings import ChosenSettings
from dgchat.ui.terminal import Terminal

MAX_ESCAPE_MILLISECONDS = 50
"""A longer tmux escape-time makes esc feel stuck."""

NO_COLOURS, FEW_COLOURS, MANY_COLOURS, ALL_COLOURS = 0, 16, 256, 2**24

_NAMED = ("TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION")
_YES_NO = {True: "yes", False: "no", None: "unknown"}


def find_terminal(_chosen: ChosenSettings) -> Iterator[Finding]:
    """terminal, and tmux if there is one."""
    yield _terminal(os.environ, ask_terminal())
    if "TMUX" in os.environ:
        yield _tmux()


def count_colours(environment: Mapping[str, str]) -> int:
    """As many as the terminal shows, by what the environment says."""
    name = environment.get("TERM", "")
    if environment.get("NO_COLOR") or name in ("", "dumb", "unknown"):
        return NO_COLOURS
    if environment.get("COLORTERM", "") in ("truecolor", "24bit") or name.endswith("-direct"):
        return ALL_COLOURS
    return MANY_COLOURS if "256color" in name else FEW_COLOURS


def _terminal(environment: Mapping[str, str], replies: Replies) -> Fact:
    terminal = Terminal.from_environment(environment)
    size = shutil.get_terminal_size()
    named = {name: environment[name] for name in _NAMED if name in environment}
    colours = count_colours(environment)
    traits = [
        f"{size.columns} × {size.lines}",
        f"encoding {sys.stdout.encoding}",
        f"{colours:,} colours" if colours else "no colours",
        *(["NO_COLOR"] if environment.get("NO_COLOR") else []),
        *(["cannot move its cursor: lines only"] if terminal.is_dumb else []),
        *(["over SSH: 10 frames per second"] if terminal.is_remote else []),
    ]
    told = ", ".join(f"{name}={value}" for name, value in named.items()) or "TERM is not set"
    asked = (
        f"synchronized output: {_YES_NO[replies.synchronized_output]}, "
        f"kitty keys (shift+enter): {_YES_NO[replies.kitty_keys]}, "
        f"clipboard (OSC 52): {_YES_NO[replies.clipboard]}"
    )
    value = {
        "named": named,
        "columns": size.columns,
        "rows": size.lines,
        "is_terminal": sys.stdout.isatty(),
        "encoding": sys.stdout.encoding,
        "colours": colours,
        "no_color": bool(environment.get("NO_COLOR")),
        "is_dumb": terminal.is_dumb,
        "over_ssh": terminal.is_remote,
        "synchronized_output": replies.synchronized_output,
        "kitty_keys": replies.kitty_keys,
        "clipboard": replies.clipboard,
    }
    return Fact("terminal", f"{told}; {', '.join(traits)}\n{asked}", value)


def _tmux() -> Fact:
    escape_time = _ask_tmux("-sv", "escape-time")
    clipboard = _ask_tmux("-sv", "set-clipboard")
    passthrough = _ask_tmux("-gwv", "allow-passthrough")
    is_known = escape_time is not None and escape_time.isdigit()
    milliseconds = int(escape_time) if escape_time is not None and is_known else None
    words = f"{_escape_words(milliseconds)}; set-clipboard {clipboard or 'unknown'}"
    if clipboard == "off":
        words += ": nothing can be copied; put `set -s set-clipboard on` into ~/.tmux.conf"
    value = {
        "escape_time_milliseconds": milliseconds,
        "is_slow": milliseconds is not None and milliseconds > MAX_ESCAPE_MILLISECONDS,
        "set_clipboard": clipboard,
        "allow_passthrough": passthrough,
    }
    return Fact("tmux", words, value)


def _escape_words(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "escape-time unknown: tmux does not answer"
    words = f"escape-time {milliseconds} ms"
    if milliseconds > MAX_ESCAPE_MILLISECONDS:
        return f"{words}: esc waits that long; put `set -sg escape-time 10` into ~/.tmux.conf"
    return words


def _ask_tmux(scope: str, option: str) -> str | None:
    """The value of an option; None if tmux does not tell."""
    command = ["tmux", "show-options", scope, option]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=2, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
