"""Where the keeper of a model is found: a socket whose name says everything that would make it another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from dgchat import __version__
from dgchat.settings import Settings

PROTOCOL = 2
"""Of what a keeper and a one-shot say to each other."""

_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
"""Variables that decide which checkpoint or device a name means."""

_KEY_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Place:
    socket: Path
    """Where it listens."""

    @property
    def lock(self) -> Path:
        """The file that a living keeper has locked."""
        return self.socket.with_suffix(".lock")


def place_of(settings: Settings, folder: Path, environment: Mapping[str, str]) -> Place:
    """The place for the model, device and context of the settings, and for this version of dgchat alone."""
    key = [
        PROTOCOL,
        __version__,
        str(Path(__file__).parent),
        settings.model or "",
        [*_files_of(settings.model)],
        settings.device,
        settings.context,
        [environment.get(name, "") for name in _ENVIRONMENT],
    ]
    name = sha256(json.dumps(key).encode()).hexdigest()[:_KEY_LENGTH]
    return Place(folder / f"{name}.sock")


def places_in(folder: Path) -> list[Place]:
    """Every place in the folder where a keeper listens, or did."""
    return [Place(path) for path in sorted(folder.glob("*.sock"))]


def with_whole_path(settings: Settings) -> Settings:
    """The settings with the model's folder, if it is one, named from the root: a keeper works in another."""
    folder = _folder(settings.model)
    return settings if folder is None else replace(settings, model=str(folder))


def _files_of(model: str | None) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of the files of a checkpoint folder, so that another in its place is another."""
    folder = _folder(model)
    if folder is None:
        return
    for file in sorted(folder.iterdir()):
        status = file.stat() if file.exists() else file.lstat()
        yield file.name, status.st_size, status.st_mtime_ns


def _folder(model: str | None) -> Path | None:
    try:
        folder = Path(model or "").expanduser()
        return folder.absolute() if model and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None
