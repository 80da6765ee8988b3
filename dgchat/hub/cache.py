"""What lies in the Hugging Face cache, read from its folders: models--OWNER--NAME/{blobs,refs,snapshots}."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dgchat.hub.formats import format_of

COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_MAX_ID_LENGTH = 96
_PREFIX = "models--"
_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface|hf)\.co/(?!datasets/|spaces/)([^/?#]+/[^/?#]+)(?:[/?#].*)?"
)
_MAX_INDEX_BYTES = 64 * 2**20

INDEX, ONE_FILE = "model.safetensors.index.json", "model.safetensors"
"""What names the weights' files; without it they are one."""

ALWAYS_NEEDED = ("config.json", "tokenizer.json", "chat_template.jinja")
"""Files without which no checkpoint opens."""

MAIN = "main"
"""The revision a hub id stands for when nobody names one."""


@dataclass(frozen=True, slots=True)
class CachedCheckpoint:
    name: str
    """Hub id."""
    format: str
    """As `format_of` names it."""
    folder: Path
    """The snapshot that the hub id opens."""
    num_bytes: int
    """Size of the files that are there."""
    weight_bytes: int
    """Of these, the safetensors."""
    is_whole: bool
    """Whether nothing is missing that opening it needs."""

    @property
    def commit(self) -> str:
        """The commit the snapshot is of."""
        return self.folder.name


def is_hub_id(name: str) -> bool:
    """Whether `name` is spelled OWNER/NAME, as the hub allows it."""
    is_spelled_well = _HUB_ID.fullmatch(name) is not None and len(name) <= _MAX_ID_LENGTH
    return is_spelled_well and not any(pair in name for pair in ("--", "..")) and name[-1] not in "-."


def id_of_page(address: str) -> str | None:
    """The hub id of the repository whose web page `address` leads to; None for every other text."""
    match = _PAGE.fullmatch(address)
    return match[1] if match and is_hub_id(match[1]) else None


def needs_download(name: str) -> bool:
    """Whether `name` is a hub id that is not whole in the cache, and no folder either."""
    if not is_hub_id(name) or Path(name).exists():
        return False
    folder = cached_folder(name)
    return folder is None or not is_whole(folder)


def hub_cache() -> Path:
    """The cache's folder; it need not exist."""
    from huggingface_hub import constants  # knows the variables that move it; slow to import

    return Path(constants.HF_HUB_CACHE)


def repository_folder(name: str) -> Path:
    """Where the cache keeps the repository `name`; it need not exist."""
    return hub_cache() / (_PREFIX + name.replace("/", "--"))


def cached_folder(name: str) -> Path | None:
    """The snapshot a hub id opens: that of the main revision, else the whole one pulled last, or None."""
    repository = repository_folder(name)
    main = _read_ref(repository, MAIN)
    if main is not None:
        return main
    snapshots = [folder for folder in _snapshots(repository) if is_whole(folder)]
    return max(snapshots, key=_modified, default=None)


def cached_checkpoints() -> list[CachedCheckpoint]:
    """Every DiffusionGemma checkpoint in the cache, whole or not, by name."""
    return [
        checkpoint
        for repository in sorted(_folders(hub_cache(), f"{_PREFIX}*--*"))
        if (checkpoint := _describe(repository)) is not None
    ]


def is_whole(folder: Path) -> bool:
    """Whether all files are there that opening the checkpoint needs, as its index tells."""
    return not missing_files(folder)


def missing_files(folder: Path) -> list[str]:
    """The files that opening needs and the folder lacks; an index that does not tell is one."""
    weights = _weight_files(folder)
    if weights is None:
        return [INDEX]
    return [name for name in (*ALWAYS_NEEDED, *weights) if not (folder / name).is_file()]


def _describe(repository: Path) -> CachedCheckpoint | None:
    name = repository.name.removeprefix(_PREFIX).replace("--", "/")
    folder = cached_folder(name) or max(_snapshots(repository), key=_modified, default=None)
    kind = format_of(folder) if folder else None
    if folder is None or kind is None:
        return None
    sizes = {file.name: file.stat().st_size for file in folder.iterdir() if file.is_file()}
    weights = sum(size for file, size in sizes.items() if file.endswith(".safetensors"))
    return CachedCheckpoint(name, kind, folder, sum(sizes.values()), weights, is_whole(folder))


def _read_ref(repository: Path, revision: str) -> Path | None:
    try:
        commit = (repository / "refs" / revision).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    folder = repository / "snapshots" / commit
    return folder if COMMIT.fullmatch(commit) and folder.is_dir() else None


def _weight_files(folder: Path) -> list[str] | None:
    """Names of the safetensors files that the folder should hold; None if its index does not tell."""
    index = folder / INDEX
    if not index.is_file():
        return [ONE_FILE]
    try:
        if index.stat().st_size > _MAX_INDEX_BYTES:
            return None
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return sorted({str(file) for file in weight_map.values()})
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None


def _snapshots(repository: Path) -> Iterator[Path]:
    return (folder for folder in _folders(repository / "snapshots", "*") if COMMIT.fullmatch(folder.name))


def _folders(parent: Path, pattern: str) -> list[Path]:
    try:
        return [folder for folder in parent.glob(pattern) if folder.is_dir()]
    except OSError:  # no permission to look: nothing that could be opened either
        return []


def _modified(folder: Path) -> float:
    return folder.stat().st_mtime
