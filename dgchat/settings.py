"""Settings from one table: built-in defaults, then config.toml, then DGCHAT_* variables, then flags."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from dgchat.engine.events import MAX_SEED
from dgchat.errors import SettingsError
from dgchat.paths import PATH_VARIABLES, config_file
from dgchat.setting_readers import (
    Reader,
    any_name,
    any_text,
    duration,
    nearest_name,
    one_of,
    real,
    switch,
    whole,
)

PREFIX = "DGCHAT_"

SERVER_KEY, REFINE_KEY = "DGCHAT_SERVER_KEY", "DGCHAT_REFINE_KEY"
KEY_VARIABLES = frozenset({SERVER_KEY, REFINE_KEY})
"""Variables that hold the keys of chat servers; no settings, so that no file and no command line has them."""

KEYS_TABLE = "keys"
"""The one table of config.toml: which keys do what in the chat."""


def _setting(default: object, read: Reader, doc: str, choices: tuple[str, ...] = ()) -> Any:
    return dataclass_field(default=default, metadata={"read": read, "doc": doc, "choices": choices})


def _choice(names: tuple[str, ...], doc: str) -> Any:
    return _setting(names[0], one_of(*names), doc, names)


def _off(doc: str) -> Any:
    return _setting(False, switch, doc, ("true", "false"))


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person can choose; each field is a flag, a DGCHAT_ variable and a key of config.toml."""

    model: str | None = _setting(
        None,
        any_name,
        "Checkpoint folder or hub id; left out: on a GPU a cached one that fits, else the bundled one.",
    )
    server: str | None = _setting(
        None,
        any_name,
        "URL of a vLLM or SGLang server that answers instead; --model then names one of its models.",
    )
    device: str = _choice(("auto", "cpu", "cuda", "mps"), "Where to compute: auto, cpu, cuda or mps.")
    steps: int | None = _setting(
        None, whole(1, 1024), "Most denoising steps per canvas; left out: the checkpoint's own."
    )
    max_tokens: int | None = _setting(
        None,
        whole(1, 262_144),
        "Most tokens of an answer; left out: 4 canvases in the chat, 2 in a one-shot.",
    )
    context: int | None = _setting(
        None,
        whole(1, 262_144),
        "Most tokens of prompt and answer together; left out: as many as fit into memory.",
    )
    seed: int | None = _setting(
        None, whole(0, MAX_SEED), "Seed of an answer; left out: a fresh one each turn."
    )
    entropy_bound: float | None = _setting(
        None,
        real(0, 1000),
        "Nats of entropy that the tokens accepted in one step may sum to; left out: the checkpoint's own.",
    )
    t_min: float | None = _setting(
        None, real(0.01, 10), "Temperature of the last denoising step; left out: the checkpoint's own."
    )
    t_max: float | None = _setting(
        None, real(0.01, 10), "Temperature of the first denoising step; left out: the checkpoint's own."
    )
    stability_threshold: int | None = _setting(
        None,
        whole(0, 1024),
        "Steps a canvas must stay the same before it may end early; left out: the checkpoint's own.",
    )
    confidence_threshold: float | None = _setting(
        None,
        real(0, 12.5),
        "Mean nats per token below which a canvas may end early; left out: the checkpoint's own.",
    )
    thinking: bool = _off("Let the model think before it answers.")
    alternatives: bool = _off("Record the five likeliest tokens of every position and step, for the replay.")
    system: str = _setting("", any_text, "Instructions that precede the conversation.")
    save: bool = _setting(True, switch, "Store conversations and prompts on this machine.", ("true", "false"))
    keep: int | None = _setting(
        None,
        duration,
        "After a one-shot or a batch keep the model loaded for the next, for 90s, 10m or 2h after the last; "
        "0: use no kept one either.",
    )
    theme: str = _setting("auto", any_name, "Name of a theme, or auto: by the terminal's background.")
    motion: str = _choice(("full", "calm", "off"), "How much moves: full, calm or off.")
    raw_noise: bool = _off("Show the wild text of unknown tokens in place of noise glyphs.")
    plain: bool = _off("A chat of plain lines, for screen readers and simple terminals.")
    fps: int | None = _setting(
        None, whole(1, 60), "Frames per second; left out: 20, or 10 over SSH, or 2 in calm motion."
    )
    pace: str = _choice(("trail", "live"), "trail shows every step a moment later, live only the newest.")
    bell: bool = _off("Ring when an answer that took some seconds ends while you look elsewhere.")
    title: bool = _off("Name the conversation in the title of the terminal.")


def setting_names() -> tuple[str, ...]:
    """Every setting, in the order of the table."""
    return tuple(setting.name for setting in fields(Settings))


def doc_of(name: str) -> str:
    """The sentence that explains a setting to a person."""
    return next(str(setting.metadata["doc"]) for setting in fields(Settings) if setting.name == name)


class Origin(StrEnum):
    """Where the value of a setting comes from; a later one wins."""

    DEFAULT = "default"
    FILE = "file"
    VARIABLE = "variable"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class ChosenSettings:
    settings: Settings
    """What holds."""
    origins: Mapping[str, Origin]
    """Where each of them comes from."""

    @classmethod
    def defaults(cls) -> ChosenSettings:
        """What holds where nobody has chosen anything."""
        return cls(Settings(), dict.fromkeys(setting_names(), Origin.DEFAULT))


def choices_of(name: str) -> tuple[str, ...]:
    """The few values that a setting can have, as they are typed; empty if there are many."""
    return next(setting.metadata["choices"] for setting in fields(Settings) if setting.name == name)


def load_settings(flags: Mapping[str, object]) -> Settings:
    """Merge defaults, config.toml, DGCHAT_* and flags (None: not given); SettingsError says what is wrong."""
    return choose_settings(flags).settings


def choose_settings(flags: Mapping[str, object]) -> ChosenSettings:
    """As `load_settings`, and where each value comes from."""
    values: dict[str, object] = {}
    origins = dict.fromkeys(setting_names(), Origin.DEFAULT)
    layers = {
        Origin.FILE: _from_file(config_file()),
        Origin.VARIABLE: _from_environment(os.environ),
        Origin.FLAG: _from_flags(flags),
    }
    for origin, layer in layers.items():
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    return ChosenSettings(Settings(**cast("dict[str, Any]", values)), origins)


def read_key(variable: str) -> str | None:
    """The key in one of KEY_VARIABLES, None if it is not set."""
    return os.environ.get(variable, "").strip() or None


def read_editor() -> str:
    """The command line of the reader's editor: $VISUAL, $EDITOR, or what every system has."""
    usual = "notepad" if os.name == "nt" else "vi"
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or usual


def read_setting(name: str, raw: object) -> object:
    """The value that `raw` (text, or as TOML has it) means for a setting; SettingsError says what can be."""
    return _read(name, raw, name, setting_names())


def load_keys() -> dict[str, object]:
    """The table [keys] of config.toml as it stands there; SettingsError if it is no table."""
    keys = _parse(config_file()).get(KEYS_TABLE, {})
    if not isinstance(keys, dict):
        raise SettingsError(f"{KEYS_TABLE} in {config_file()} must be a table", hint="begin it with [keys]")
    return cast("dict[str, object]", keys)


def where_set(name: str, origins: Mapping[str, Origin]) -> str:
    """What a person has to leave out to get the default of a setting: a flag, a variable or a key."""
    if origins[name] is Origin.VARIABLE:
        return variable_of(name)
    return f"{name} in {config_file()}" if origins[name] is Origin.FILE else flag_of(name)


def _from_file(path: Path) -> dict[str, object]:
    return {
        name: _read(name, value, f"{name} in {path}", setting_names())
        for name, value in _parse(path).items()
        if name != KEYS_TABLE
    }


def _parse(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", hint="correct it or move it away") from error


def _from_environment(variables: Mapping[str, str]) -> dict[str, object]:
    known = {variable_of(name): name for name in setting_names()}
    values: dict[str, object] = {}
    for variable, raw in variables.items():
        if not variable.startswith(PREFIX) or variable in PATH_VARIABLES | KEY_VARIABLES or not raw:
            continue
        if variable not in known:
            raise _unknown("variable", variable, (*known, *PATH_VARIABLES, *KEY_VARIABLES))
        values[known[variable]] = _read(known[variable], raw, variable, setting_names())
    return values


def _from_flags(flags: Mapping[str, object]) -> dict[str, object]:
    given = {name: raw for name, raw in flags.items() if raw is not None}
    return {name: _read(name, raw, flag_of(name), setting_names()) for name, raw in given.items()}


def flag_of(name: str) -> str:
    """The flag of a setting: `--max-tokens`."""
    return "--think" if name == "thinking" else "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The variable of a setting: `DGCHAT_MAX_TOKENS`."""
    return PREFIX + name.upper()


def _read(name: str, raw: object, where: str, known: tuple[str, ...]) -> object:
    if name not in known:
        raise _unknown("setting", where, known, name)
    read: Reader = next(setting.metadata["read"] for setting in fields(Settings) if setting.name == name)
    try:
        return read(raw)
    except ValueError as error:
        raise SettingsError(f"{where} must be {error}", hint=f"it is {raw!r}") from error


def _unknown(kind: str, where: str, known: Iterable[str], name: str | None = None) -> SettingsError:
    nearest = nearest_name(name or where, known)
    hint = f"did you mean {nearest}?" if nearest else f"known are {', '.join(sorted(known))}"
    return SettingsError(f"unknown {kind} {where}", hint=hint)
