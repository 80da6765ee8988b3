"""Where things lie, and what is wrong with settings and themes."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dgchat.doctor.fact import Fact, Finding, Problem
from dgchat.errors import DgchatError
from dgchat.paths import cache_dir, config_file, data_dir, theme_dirs
from dgchat.settings import KEY_VARIABLES, ChosenSettings, Origin
from dgchat.ui.terminal import Terminal


def find_places(chosen: ChosenSettings) -> Iterator[Finding]:
    """settings, themes, data, cache."""
    yield _settings(chosen)
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


def _themes(chosen: ChosenSettings) -> Iterator[Finding]:
    from dgchat.ui.theme import choose_theme, load_themes  # brings textual

    rows = [(str(folder), sorted(file.stem for file in folder.glob("*.toml"))) for folder in theme_dirs()]
    words = "\n".join(f"{folder} ({', '.join(names) or 'none'})" for folder, names in rows)
    themes, failed = load_themes(theme_dirs())
    wanted = chosen.settings.theme
    folders = [{"folder": folder, "themes": names} for folder, names in rows]
    value = {"folders": folders, "wanted": wanted}
    yield Fact("themes", words, value)
    yield from (Problem(error) for error in failed)
    try:
        choose_theme(wanted, themes, Terminal.from_environment(os.environ).is_light)
    except DgchatError as error:
        yield Problem(error)
