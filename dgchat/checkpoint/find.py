"""From what a person calls a model to the folder it lies in; nothing is ever downloaded."""

from __future__ import annotations

import re
from pathlib import Path

from dgchat.errors import CheckpointError
from dgchat.paths import bundled_model

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find_checkpoint(name: str | None) -> Path:
    """The folder of `name`: a folder, a hub id that is in the Hugging Face cache, or None for the bundled
    model.
    """
    if name is None:
        return bundled_model()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CheckpointError(
            f"{name} is a file; a checkpoint is a folder", hint="give the folder it lies in"
        )
    if not _HUB_ID.fullmatch(name):
        raise CheckpointError(f"there is no checkpoint folder {name}")
    return _cached(name)


def _cached(name: str) -> Path:
    from huggingface_hub import snapshot_download  # slow to import, and only needed for hub ids
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{name} is neither a folder nor in the Hugging Face cache", hint=f"hf download {name}"
        ) from error
