"""Reading a checkpoint folder's files, and nothing outside of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dgchat.errors import CheckpointError

MAX_JSON_BYTES = 64 * 2**20
"""Larger JSON and template files are refused; the published tokenizer.json has 32 MB."""

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


def inside(folder: Path, name: str) -> Path:
    """The path of a file that lies directly in `folder`; CheckpointError for what points elsewhere.

    Links are followed only within the folder, or from a Hugging Face snapshot to the blobs of its repository
    or to those that the repositories of one cache share.
    """
    if not name or name in (".", "..") or any(mark in name for mark in ("/", "\\", "\0", ":")):
        raise CheckpointError(f"{name!r} points out of the checkpoint folder")
    path = folder / name
    if not _exists(path):
        raise CheckpointError(f"{path} is missing")
    real, home = path.resolve(), folder.resolve()
    if not any(real.is_relative_to(root) for root in _roots(home)):
        raise CheckpointError(f"{name!r} is a link that points out of the checkpoint folder")
    return path


def own_files(folder: Path) -> set[str]:
    """Names of the files that `inside` gives of the folder; links that lead elsewhere are none."""
    return {path.name for path in folder.iterdir() if path.is_file() and _is_inside(folder, path.name)}


def _is_inside(folder: Path, name: str) -> bool:
    try:
        inside(folder, name)
    except CheckpointError:
        return False
    return True


def _roots(home: Path) -> list[Path]:
    """Folders that may hold the files of the checkpoint folder `home`."""
    repository = home.parent.parent
    if home.parent.name != "snapshots":
        return [home]
    if not repository.name.startswith("models--"):
        return [home, repository / "blobs"]
    return [home, repository / "blobs", repository.parent / "blobs"]


def read_text(folder: Path, name: str) -> str:
    """Contents of a text file of the folder."""
    path = inside(folder, name)
    if path.stat().st_size > MAX_JSON_BYTES:
        raise CheckpointError(f"{path} is larger than {MAX_JSON_BYTES // 2**20} MiB")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """The object in a JSON file of the folder."""
    text = read_text(folder, name)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder / name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{folder / name} holds no JSON object")
    return value


def weight_files(folder: Path) -> tuple[list[str], dict[str, str] | None]:
    """Names of the safetensors files, and the index's tensor -> file map if there is an index."""
    if not _exists(folder / INDEX):
        if not _exists(folder / SINGLE):
            raise CheckpointError(f"{folder} holds neither {SINGLE} nor {INDEX}", hint=_instead(folder))
        return [SINGLE], None
    weight_map = read_json(folder, INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise CheckpointError(f"{folder / INDEX} has no weight_map from tensors to file names")
    return sorted(set(weight_map.values())), weight_map


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name too long, no permission
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _instead(folder: Path) -> str | None:
    found = _with_suffixes(folder.iterdir(), (".bin", ".pt", ".pkl", ".gguf", ".npz"))
    return f"{found} is not read; only safetensors are" if found else None


def _with_suffixes(paths: Iterable[Path], suffixes: tuple[str, ...]) -> str | None:
    return next((path.name for path in sorted(paths) if path.suffix in suffixes), None)
