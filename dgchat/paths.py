"""Every directory the program touches, and nothing else that knows where things lie."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path, user_runtime_path

from dgchat.errors import UsageError

APP = "dgchat"

PATH_VARIABLES = frozenset({"DGCHAT_CONFIG_DIR", "DGCHAT_DATA_DIR", "DGCHAT_CACHE_DIR", "DGCHAT_RUNTIME_DIR"})
"""Environment variables that move a directory; the only DGCHAT_ variables that are no settings."""

_PACKAGE = Path(__file__).parent


def config_dir() -> Path:
    """Where config.toml and the reader's own themes lie; it need not exist."""
    return _moved("DGCHAT_CONFIG_DIR") or user_config_path(APP, appauthor=False)


def config_file() -> Path:
    """The settings file; it need not exist."""
    return config_dir() / "config.toml"


def data_dir() -> Path:
    """Where conversations and the prompt history are kept; it need not exist."""
    return _moved("DGCHAT_DATA_DIR") or user_data_path(APP, appauthor=False)


def prompt_history_file() -> Path:
    """Prompts of earlier runs; it need not exist."""
    return data_dir() / "prompts.jsonl"


def cache_dir() -> Path:
    """Where things lie that can be made again; it need not exist."""
    return _moved("DGCHAT_CACHE_DIR") or user_cache_path(APP, appauthor=False)


def runtime_dir() -> Path:
    """Where running processes are found, until the machine is restarted; it need not exist."""
    with warnings.catch_warnings():  # platformdirs prints one where nothing names such a folder
        warnings.simplefilter("ignore")
        return _moved("DGCHAT_RUNTIME_DIR") or user_runtime_path(APP, appauthor=False)


def theme_dirs() -> list[Path]:
    """Theme directories, later ones winning: the package's or the checkout's, and the reader's own, which
    need not exist.
    """
    house = [folder for folder in (_PACKAGE / "themes", _PACKAGE.parent / "themes") if folder.is_dir()]
    return [*house, config_dir() / "themes"]


def bundled_model() -> Path:
    """The checkpoint folder of the model that ships with the program."""
    return _PACKAGE / "assets" / "nano"


def _moved(variable: str) -> Path | None:
    value = os.environ.get(variable)
    try:
        return Path(value).expanduser() if value else None
    except RuntimeError as error:
        raise UsageError(f"{variable} is {value}, and there is no such home folder") from error
