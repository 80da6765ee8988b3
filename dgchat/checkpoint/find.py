"""From what a person calls a model to the folder it lies in; nothing is ever downloaded."""

from __future__ import annotations

from pathlib import Path

from dgchat.errors import CheckpointError, NotDownloadedError
from dgchat.hub.cache import cached_folder, is_hub_id
from dgchat.hub.quantisation import ForeignFormatError
from dgchat.paths import bundled_model


def find_checkpoint(name: str | Path | None) -> Path:
    """The folder of `name`: a folder, a hub id that is in the Hugging Face cache, or None for the bundled
    model. CheckpointError if there is none, NotDownloadedError if the hub may have it. A Path is never a hub
    id.
    """
    if name is None:
        return bundled_model()
    if isinstance(name, str) and not name.strip():
        raise CheckpointError("the model's name is empty", hint="leave it out for the bundled model")
    folder = _folder(name)
    if folder is not None:
        return folder
    if isinstance(name, Path) or not is_hub_id(name):
        raise CheckpointError(f"there is no checkpoint folder {name}")
    return _cached(name)


def checkpoint_name(folder: Path) -> str:
    """What to call the checkpoint in `folder`: the folder's name, or in the Hugging Face cache the
    repository's without its owner, where the folder's is that of a commit.
    """
    home = folder.resolve()
    repository = home.parent.parent.name
    if home.parent.name == "snapshots" and repository.startswith("models--"):
        return repository.rpartition("--")[2]
    return home.name


def _folder(name: str | Path) -> Path | None:
    """`name` as a folder that is there; None if nothing is there, CheckpointError for anything else."""
    try:
        folder = Path(name).expanduser()
        if folder.is_dir():
            return folder
        is_there = folder.exists()
    except (OSError, RuntimeError) as error:  # a name too long, no permission, nobody's home
        words = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(f"there is no checkpoint folder {name}: {words}") from error
    if is_there and folder.suffix == ".gguf":
        raise ForeignFormatError("GGUF", folder.name)
    if is_there:
        raise CheckpointError(
            f"{name} is a file; a checkpoint is a folder", hint="give the folder it lies in"
        )
    return None


def _cached(name: str) -> Path:
    folder = cached_folder(name)
    if folder is None:
        raise NotDownloadedError(
            f"{name} is neither a folder nor in the Hugging Face cache", hint=f"dgchat models pull {name}"
        )
    return folder
