"""Where things lie, and what is wrong with settings and themes."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dgchat.doctor.fact import Fact, Finding, Problem
from dgchat.errors import DgchatError
from dgchat.paths import cache_dir, config_file, data_dir, theme_dirs
from dgchat.settings import KEY_VARIABLES, ChosenSettings, Origin, load_keys
from dgchat.ui.terminal import Terminal


def find_places(chosen: ChosenSettings) -> Iterator[Finding]:
    """settings, keys, themes, data, cache."""
    yield _settings(chosen)
    yield from _keys()
    yield from _themes(chosen)
    yield Fact("data", str(data_dir()), str(data_dir()))
    yield Fact("cache", str(cache_dir()), str(cache_dir()))


def _settings(chosen: ChosenSettings) -> Fact:
    path, is_there = config_file(), config_file().is_file()
    changed = {name: origin.value for name, origin in chosen.origins.items() if origin is not Origin.DEFAULT}
    keys = sorted(name for name in KEY_VARIABLES if os.environ.get(name))
    told = ", ".join(f"{name} ({origin})" for name, origin in changed.items())
    words = f"{path}{'' if is_there else ' (not there)'}\nnot the default: {told or 'nothing'}"
    if keys:
        words += f"\n{' and '.join(keys)} {'is' if len(keys) == 1 else 'are'} set"
    value = {"path": str(path), "is_there": is_there, "changed": changed, "keys_set": keys}
    return Fact("settings", words, value)


def _keys() -> Iterator[Finding]:
    from dgchat.ui.keys import Keymap  # the table of all keys

    try:
        changed = load_keys()
        Keymap.read(changed)
    except DgchatError as error:
        yield Problem(error)
    else:
        names = ", ".join(changed) or "as they are made"
        yield Fact("keys", names, list(changed))


def _themes(chosen: ChosenSettings) -> Iterator[Finding]:
    from dgchat.ui.theme import choose_theme  # brings textual
    from dgchat.ui.theme_shelf import ThemeShelf

    rows = [(str(folder), sorted(file.stem for file in folder.glob("*.toml"))) for folder in theme_dirs()]
    words = "\n".join(f"{folder} ({', '.join(names) or 'none'})" for folder, names in rows)
    shelf = ThemeShelf(theme_dirs())
    wanted = chosen.settings.theme
    folders = [{"folder": folder, "themes": names} for folder, names in rows]
    value = {"folders": folders, "wanted": wanted}
    yield Fact("themes", words, value)
    yield from (Problem(error) for error in shelf.failed)
    try:
        choose_theme(wanted, shelf.themes, Terminal.from_environment(os.environ))
    except DgchatError as error:
        yield Problem(error)
