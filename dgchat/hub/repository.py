"""A repository on the hub at one commit: which files a checkpoint needs of it, and their exact sizes."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from dgchat.errors import CheckpointError, HubError
from dgchat.hub.cache import (
    ALWAYS_NEEDED,
    COMMIT,
    INDEX,
    MAIN,
    ONE_FILE,
    hub_cache,
    id_of_page,
    is_hub_id,
    repository_folder,
)
from dgchat.hub.remedies import as_hub_error

NEEDED_SUFFIXES = (".json", ".jinja", ".safetensors")
"""Of these, those at the top of the repository: configuration, tokenizer, template and weights."""

_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    name: str
    num_bytes: int
    """Exact size."""
    blob: str
    """What the cache calls its contents: the sha256 of a large file, the git hash of a small one."""


@dataclass(frozen=True, slots=True)
class Repository:
    name: str
    """Hub id."""
    revision: str
    """Branch, tag or commit that was asked for."""
    commit: str
    """What the revision is at this moment, 40 hexadecimal digits."""
    files: tuple[RemoteFile, ...]
    """What a checkpoint needs, the small ones first."""

    @property
    def num_bytes(self) -> int:
        """Exact size of all files."""
        return sum(file.num_bytes for file in self.files)

    @property
    def folder(self) -> Path:
        """The snapshot that the files are, or will be, in."""
        return repository_folder(self.name) / "snapshots" / self.commit

    def missing(self) -> list[RemoteFile]:
        """The files that are not whole in the cache, in the order they should be fetched in."""
        return [file for file in self.files if not self.is_here(file)]

    def is_here(self, file: RemoteFile) -> bool:
        """Whether `file` is in the cache in full size; what the snapshot has counts before a blob."""
        place = next((place for place in self._places(file) if place.exists()), None)
        return place is not None and place.stat().st_size == file.num_bytes

    def discard(self, file: RemoteFile) -> None:
        """Remove what the cache has of `file`, so that it is fetched anew."""
        for place in self._places(file):
            place.unlink(missing_ok=True)

    def discard_damaged(self, file: RemoteFile) -> None:
        """Remove what is there of `file` in another size, as it would be taken for whole."""
        for place in self._places(file):
            if place.exists() and place.stat().st_size != file.num_bytes:
                place.unlink(missing_ok=True)

    def _places(self, file: RemoteFile) -> tuple[Path, Path]:
        return self.folder / file.name, repository_folder(self.name) / "blobs" / file.blob

    def keep_revision(self) -> None:
        """Note in the cache which commit the revision is; done last, so that what it leads to is whole."""
        if COMMIT.fullmatch(self.revision):
            return
        ref = repository_folder(self.name) / "refs" / self.revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        fresh = ref.with_name(f"{ref.name}.{os.getpid()}.tmp")
        fresh.write_text(self.commit, encoding="utf-8")
        fresh.replace(ref)


def look_up(name: str, revision: str = MAIN) -> Repository:
    """Ask the hub, in one request, for the commit of `revision` and the exact sizes of its files; HubError
    says why it did not tell, CheckpointError that this is no checkpoint.
    """
    if not is_hub_id(name):
        raise CheckpointError(f"{name} is no name on the hub", hint=id_of_page(name) or "OWNER/NAME")
    from huggingface_hub import HfApi  # slow to import, and only needed to ask
    from huggingface_hub.utils import HFValidationError

    try:
        info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=_TIMEOUT_SECONDS)
    except HFValidationError as error:
        raise CheckpointError(f"{name} is no name the hub allows", hint="OWNER/NAME") from error
    except Exception as error:
        raise as_hub_error(error, name, revision) from error
    found = [
        RemoteFile(file.rfilename, file.size, blob)
        for file in info.siblings or ()
        if file.size is not None
        and (blob := file.lfs.sha256 if file.lfs else file.blob_id) is not None
        and _BLOB.fullmatch(blob)  # it becomes part of a path
        and _is_needed(file.rfilename)
    ]
    files = sorted(found, key=lambda file: (file.name.endswith(".safetensors"), file.name))
    _refuse_incomplete(name, {file.name for file in files})
    if info.sha is None or not COMMIT.fullmatch(info.sha):
        raise HubError(f"the hub did not say which commit of {name} {revision} is", hint="try again later")
    return Repository(name, revision, info.sha, tuple(files))


def _refuse_incomplete(name: str, files: set[str]) -> None:
    """CheckpointError if the repository lacks what opening it would need."""
    if not any(file.endswith(".safetensors") for file in files):
        what = "holds no safetensors, the only weights that are read"
    elif absent := [file for file in ALWAYS_NEEDED if file not in files]:
        what = f"has no {', '.join(absent)}, without which no checkpoint opens"
    elif INDEX not in files and ONE_FILE not in files:
        what = f"has no {INDEX}, which would tell where its weights are"
    else:
        return
    raise CheckpointError(f"{name} {what}", hint="dgchat models lists some that open")


def free_bytes() -> int:
    """Space left where the cache lies, or will lie."""
    folder = hub_cache().expanduser().absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _is_needed(name: str) -> bool:
    return "/" not in name and "\\" not in name and name.endswith(NEEDED_SUFFIXES)
