"""The one table of the chat's keys, and what a reader makes of it in the [keys] table of config.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from string import ascii_lowercase, digits, punctuation
from typing import cast
from unicodedata import name as name_of

from textual.keys import KEY_ALIASES, KEY_NAME_REPLACEMENTS, Keys

from dgchat.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    """What [keys] calls it."""
    keys: tuple[str, ...]
    """The keys it has unless the reader gives it others."""
    does: str
    """In a few words."""
    is_fixed: bool = False
    """Whether it stays on its keys: without them a terminal cannot be used."""


OFFERS = "try"
"""The action that asks what an empty chat offers."""

ACTIONS: tuple[Action, ...] = (
    Action("send", ("enter",), "send", is_fixed=True),
    Action(
        "new_line",
        ("ctrl+j", "alt+enter", "shift+enter"),
        "new line; shift+enter where the terminal tells it",
    ),
    Action("stop", ("escape",), "stop, keep the draft; stop the loading; close what is open", is_fixed=True),
    Action("interrupt", ("ctrl+c",), "copy, else stop, else clear; twice quits", is_fixed=True),
    Action("quit", ("ctrl+q",), "quit; so does ctrl+d on an empty prompt"),
    Action("history", ("up", "down"), "earlier prompts", is_fixed=True),
    Action("search", ("ctrl+r",), "search earlier prompts, of other days too"),
    Action("editor", ("ctrl+g",), "write the prompt in $VISUAL or $EDITOR"),
    Action("page", ("pageup", "pagedown"), "scroll the conversation"),
    Action("next", ("tab",), "to the sliders; complete a /command", is_fixed=True),
    Action(OFFERS, ("f5", "f6", "f7"), "ask what an empty chat offers"),
    Action("replay", ("alt+r",), "replay the last answer; its own keys stand at its foot"),
    Action("commands", ("ctrl+p",), "all commands"),
    Action("help", ("f1",), "this help; so does ? on an empty prompt"),
    Action("settings", ("f2",), "settings"),
    Action("more", ("f3",), "seed, temperatures and what else shapes the next answer"),
)
"""In the order of the help. A screen that opens over the chat lists its own keys."""

_NAMED = {action.name: action for action in ACTIONS}

SLIDER_KEYS: tuple[tuple[str, str], ...] = (
    ("←  →", "less, more; with shift by an eighth of the way; home, end"),
    ("0-9", "type the number"),
    ("d  b  f", "draft, balanced, full: a quarter, half, all of the model's steps"),
    ("m", "more: seed, temperatures, entropy bound"),
)

_MODIFIERS = ("ctrl+", "alt+", "shift+", "super+")


def _key_of(letter: str) -> str:
    """What textual calls the key that types a letter of ASCII."""
    if letter.isalnum():
        return letter
    key = name_of(letter).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(key, key)


_PRINTED = frozenset(map(_key_of, (*ascii_lowercase, *digits, *punctuation, " ")))
_BASES = _PRINTED | {key.value.rpartition("+")[2] for key in Keys if not key.value.startswith("<")}
_CANONICAL = {alias: key for key, aliases in KEY_ALIASES.items() for alias in aliases}
"""Keys that a terminal cannot tell from others."""


class Keymap:
    """Which key stands for which of the table's own: everything else knows only those."""

    def __init__(self, changed: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._changed = changed or {}
        self._meant = {
            key: action.keys[min(place, len(action.keys) - 1)]
            for action in ACTIONS
            for place, key in enumerate(self.keys_of(action))
            if action.name in self._changed
        }
        self._freed = {
            key for action in ACTIONS if action.name in self._changed for key in action.keys
        } - self._meant.keys()

    @classmethod
    def read(cls, table: Mapping[str, object]) -> Keymap:
        """From [keys]: an action's name and its keys, one or a list; SettingsError tells what is wrong."""
        changed = {name: _keys(name, raw) for name, raw in table.items() if _changeable(name)}
        keymap = cls(changed)
        keymap._refuse_conflicts()
        return keymap

    def keys_of(self, action: Action) -> tuple[str, ...]:
        """The keys that an action has now."""
        return self._changed.get(action.name, action.keys)

    def meant(self, key: str, *, in_chat: bool) -> str | None:
        """The key of the table that a pressed one stands for; None if it does nothing any more.

        A key that its action has left does something else over the chat, so it is only dropped in it.
        """
        if key in self._meant:
            return self._meant[key]
        return None if in_chat and key in self._freed else key

    def rows(self) -> Iterator[tuple[str, str]]:
        """Keys and what they do, for the help."""
        for action in ACTIONS:
            yield "  ".join(written(key) for key in self.keys_of(action)), action.does

    @property
    def offer_keys(self) -> tuple[str, ...]:
        """The keys of what an empty chat offers, as people write them."""
        return tuple(written(key) for key in self.keys_of(_NAMED[OFFERS]))

    def _refuse_conflicts(self) -> None:
        owner: dict[str, str] = {}
        for action in ACTIONS:
            for key in self.keys_of(action):
                other = owner.setdefault(key, action.name)
                if other != action.name:
                    raise SettingsError(
                        f"{written(key)} in [keys] would be both {other} and {action.name}.",
                        hint="give one of them another key",
                    )


def written(key: str) -> str:
    """A key as people write it."""
    names = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn", "question_mark": "?"}
    modifiers, _, base = key.rpartition("+")
    base = names.get(base, base.upper() if base[:1] == "f" and base[1:].isdigit() else base)
    return f"{modifiers}+{base}" if modifiers else base


def _changeable(name: str) -> bool:
    if name not in _NAMED:
        raise SettingsError(f"[keys] has an unknown action {name!r}.", hint=_nearest(name, _NAMED))
    if _NAMED[name].is_fixed:
        raise SettingsError(f"{name} in [keys] stays on {written(_NAMED[name].keys[0])}.")
    return True


def _keys(name: str, raw: object) -> tuple[str, ...]:
    keys = cast("list[object]", raw) if isinstance(raw, list) else [raw]
    if not keys:
        raise SettingsError(f"{name} in [keys] needs a key.")
    return tuple(_key(name, key) for key in keys)


def _key(name: str, raw: object) -> str:
    if not isinstance(raw, str):
        raise SettingsError(f"{name} in [keys] must be a key, or a list of keys.", hint=f"it is {raw!r}")
    base, modifiers = raw.strip().lower(), ""
    while modifier := next((known for known in _MODIFIERS if base.startswith(known)), ""):
        base, modifiers = base.removeprefix(modifier), modifiers + modifier
    base = _key_of(base) if len(base) == 1 else base
    key = _CANONICAL.get(modifiers + base, modifiers + base)
    if base not in _BASES:
        known = [modifier + known for modifier in ("", modifiers) for known in _BASES]
        raise SettingsError(f"{name} in [keys] has an unknown key {raw!r}.", hint=_nearest(raw, known))
    if modifiers == "alt+" and base.isdigit():
        raise SettingsError(f"{name} in [keys] cannot be {raw!r}: it types a letter on some keyboards.")
    if base in _PRINTED and modifiers in ("", "shift+"):
        raise SettingsError(f"{name} in [keys] cannot be {raw!r}: it is typed into the prompt.")
    return key


def _nearest(name: str, known: Iterable[str]) -> str:
    return f"did you mean {get_close_matches(name, list(known), n=1, cutoff=0.0)[0]}?"
