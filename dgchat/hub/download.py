"""Fetches a repository's missing files into the Hugging Face cache, one whole file after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from pathlib import Path
from threading import Event as Flag
from typing import Any, Self

from dgchat.errors import CheckpointError, HubError, StoppedError
from dgchat.hub.cache import hub_cache, repository_folder
from dgchat.hub.formats import CONFIGURATION_FILES, OURS, Configuration, format_of, read_configuration
from dgchat.hub.remedies import as_hub_error
from dgchat.hub.repository import RemoteFile, Repository, free_bytes, look_up
from dgchat.hub.sizes import exact, rounded

DISK_MARGIN = 1.02
"""Free bytes asked for per byte that is fetched: the file system's own records need some."""

_LOCK_SECONDS = 0.05

BytesListener = Callable[[RemoteFile, int], object]
"""Told, in the thread that fetches, how many bytes of a file are there; its full size once it is whole."""


def check_disk(repository: Repository) -> None:
    """HubError with both numbers if the disk cannot take what is missing."""
    to_fetch = sum(file.num_bytes for file in repository.missing())
    needed, free = ceil(to_fetch * DISK_MARGIN), free_bytes()
    if free < needed:
        raise HubError(
            f"{repository.name} needs {exact(needed)} of free disk, and {exact(free)} are free",
            hint=f"make room, or put the cache elsewhere: HF_HOME; {rounded(needed - free)} are lacking",
        )


def clear_leftovers(repository: Repository) -> int:
    """Remove what killed downloads left in the repository's folder, and return its bytes: a part of a file is
    never gone on with. What another process is fetching right now stays.
    """
    folder = repository_folder(repository.name)
    locks = hub_cache() / ".locks" / folder.name
    return sum(
        _remove_unless_locked(part, locks / f"{part.name.partition('.')[0]}.lock")
        for part in (folder / "blobs").glob("*.*.incomplete")
    )


def _remove_unless_locked(part: Path, lock: Path) -> int:
    from huggingface_hub.utils import WeakFileLock  # slow to import

    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock, timeout=_LOCK_SECONDS):
            num_bytes = part.stat().st_size
            part.unlink()
    except OSError:  # its process is alive (TimeoutError), or it is gone already
        return 0
    return num_bytes


def download(repository: Repository, on_bytes: BytesListener, cancelled: Flag) -> None:
    """Fetch what is missing, the small files first, and keep the revision; files that are whole stay.

    HubError says what the hub or the network did, CheckpointError that the weights would be of no use here;
    StoppedError after `cancelled`, within a chunk of bytes. What was whole by then is kept.
    """
    is_checked = False
    with _without_xet():
        for file in repository.files:
            if file.name.endswith(".safetensors") and not is_checked:
                refuse_foreign(repository)
                is_checked = True
            _fetch_file(repository, file, on_bytes, cancelled)
            on_bytes(file, file.num_bytes)
    repository.keep_revision()


def fetch_configuration(repository: Repository) -> Configuration:
    """Fetch the few kilobytes that tell what the weights are; CheckpointError if these would be of no use
    here, otherwise errors as for `download`.
    """
    files = tuple(file for file in repository.files if file.name in CONFIGURATION_FILES)
    only = replace(repository, revision=repository.commit, files=files)  # a commit is not kept as a revision
    download(only, lambda _file, _num_bytes: None, Flag())
    refuse_foreign(repository)
    return read_configuration(repository.folder)


def fetch(name: str) -> None:
    """Fetch what is missing of the newest commit of `name`, without a word; errors as for `download`."""
    repository = look_up(name)
    check_disk(repository)
    download(repository, lambda _file, _num_bytes: None, Flag())


def _fetch_file(repository: Repository, file: RemoteFile, on_bytes: BytesListener, cancelled: Flag) -> None:
    from huggingface_hub import hf_hub_download  # slow to import

    repository.discard_damaged(file)
    try:
        hf_hub_download(
            repository.name,
            file.name,
            revision=repository.commit,
            tqdm_class=_byte_counter(file, on_bytes, cancelled),
        )
    except StoppedError:
        raise
    except Exception as error:
        raise as_hub_error(error, repository.name, repository.revision, file.name) from error
    if not repository.is_here(file):
        raise HubError(
            f"{file.name} did not come as the {exact(file.num_bytes)} that the hub told", hint="pull it again"
        )


@contextmanager
def _without_xet() -> Generator[None]:
    """Plain HTTP, also where hf_xet is installed: its callbacks come out of native code, where raising cannot
    be relied on to stop it, and its shared store would give a damaged file back instead of fetching it.
    """
    from huggingface_hub import constants  # slow to import

    earlier, constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_XET, True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = earlier


def refuse_foreign(repository: Repository) -> None:
    """CheckpointError before the first byte of weights that could not be opened."""
    kind = format_of(repository.folder)
    if kind is None:
        raise CheckpointError(f"{repository.name} is no DiffusionGemma checkpoint")
    if kind not in OURS:
        raise CheckpointError(
            f"{repository.name} is stored as {kind}, which is not read",
            hint="dgchat models lists some that are",
        )


def _byte_counter(file: RemoteFile, on_bytes: BytesListener, cancelled: Flag) -> type[Any]:
    """A class that huggingface_hub takes for a progress bar."""

    class ByteCounter:
        """Counts the bytes of one file, and is the place where a download can be stopped."""

        def __init__(self, *_: object, initial: float = 0, **__: object) -> None:
            self.n = int(initial)
            self.total = file.num_bytes

        def update(self, n: float | None = 1) -> None:
            """`n` more bytes are written; fewer if a transfer had to begin again."""
            self.n += int(n or 0)
            on_bytes(file, max(0, min(self.n, self.total - 1)))  # the last byte counts once the file is whole
            if cancelled.is_set():
                raise StoppedError("stopped")

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def __getattr__(self, name: str) -> Callable[..., None]:
            """Everything else a progress bar can do is for the eye, and drawn elsewhere."""
            if name.startswith("__"):
                raise AttributeError(name)
            return lambda *_, **__: None

    return ByteCounter
