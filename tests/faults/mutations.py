"""Protections, and how to take each one away in a process that is only just beginning.

A check that never fails checks nothing: test_can_fail.py runs each one without what it is there for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def _set(place: str, value: object) -> Callable[[], None]:
    """Put something else in the place of `module:name` or `module:Class.name`."""

    def replace() -> None:
        module, _, path = place.partition(":")
        owner: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        setattr(owner, name, value)

    return replace


def _as_it_is(text: str, *, newlines: bool = True) -> str:
    return text


def _say_it_is_stored(self: Any, error: Exception) -> None:
    waiting = list(self._jobs)
    self._jobs.clear()
    for _, ticket in waiting:
        ticket.settle(is_stored=True)


def _write_in_place(path: Any, text: str) -> None:
    path.write_text("")
    path.write_text(text)


PROTECTIONS: dict[str, Callable[[], None]] = {
    "marks": _set("dgchat.safe_text:visible", _as_it_is),
    "line filter": _set("dgchat.ui.line_filter:SafeLines.apply", lambda self, segments, background: segments),
    "signals": _set("dgchat.ui.terminal_signals:leave_on_signals", lambda leave: None),
    "safe paste": _set("dgchat.ui.safe_paste:install_safe_paste", lambda: None),
    "put off": _set("dgchat.session.store.writer:Writer._put_off", _say_it_is_stored),
    "whole settings": _set("dgchat.settings_file:_replace_file", _write_in_place),
    "a screen that works": _set(
        "dgchat.ui.screens.chat:ChatScreen.on_turn_ended", lambda self, message: 1 / 0
    ),
    "no locals": _set("dgchat.ui.app:DgchatApp._fatal_error", None),
}
"""Name -> what removes it."""


def remove_protection(name: str) -> None:
    """Take a protection away from everything that is imported from now on."""
    if name == "marks":  # with it the second wall, which stands on the first
        PROTECTIONS["line filter"]()
    if name == "no locals":
        from textual.app import App

        PROTECTIONS["a screen that works"]()
        _set("dgchat.ui.app:DgchatApp._fatal_error", App._fatal_error)()
        return
    PROTECTIONS[name]()
