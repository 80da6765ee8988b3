"""`dgchat models pull`, and the question before a checkpoint that was merely named is fetched."""

from __future__ import annotations

from typing import TextIO

from dgchat.errors import NotDownloadedError
from dgchat.hub.cache import MAIN, cached_folder, hub_cache, needs_download
from dgchat.hub.download import check_disk, clear_leftovers
from dgchat.hub.known import KnownCheckpoint, find_known
from dgchat.hub.repository import Repository, free_bytes, look_up
from dgchat.hub.sizes import exact, rounded
from dgchat.model_commands.fetch import fetch
from dgchat.safe_text import visible

_QUESTION = "Fetch it? [y/N] "


def run_pull(name: str, revision: str, *, yes: bool, reads: TextIO, out: TextIO, err: TextIO) -> int:
    """Fetch `name` at `revision`, asking first on a terminal; its folder goes to `out`, the rest to `err`."""
    repository = look_up(name, revision)
    _get(repository, yes=yes or not _can_ask(reads, err), reads=reads, err=err)
    is_default = cached_folder(name) == repository.folder
    err.write(f"open it with: dgchat --model {name if is_default else repository.folder}\n")
    out.write(f"{repository.folder}\n")
    return 0


def fetch_if_missing(name: str | None, *, yes: bool, reads: TextIO, err: TextIO) -> None:
    """Before `name` is opened: fetch it if it is a hub id that is not whole in the cache, but never unasked.

    Without `yes` a person on a terminal is asked with the exact bytes. Elsewhere that is a
    NotDownloadedError, without a single request; so is the answer no.
    """
    if name is None or not needs_download(name):
        return
    if not yes and not _can_ask(reads, err):
        raise NotDownloadedError(
            f"{name} is not in the Hugging Face cache", hint=f"dgchat models pull {name}, or --yes"
        )
    _get(look_up(name, MAIN), yes=yes, reads=reads, err=err)


def _get(repository: Repository, *, yes: bool, reads: TextIO, err: TextIO) -> None:
    if freed := clear_leftovers(repository):
        err.write(f"{rounded(freed)} that a killed download had left are removed\n")
    for line in plan_of(repository):
        err.write(f"{visible(line, newlines=False)}\n")
    check_disk(repository)
    if repository.missing() and not yes and not _says_yes(reads, err):
        raise NotDownloadedError(f"{repository.name} was not fetched", hint="answer y, or give --yes")
    fetch(repository, err)


def plan_of(repository: Repository) -> list[str]:
    """What is about to happen, in exact numbers."""
    missing = repository.missing()
    to_fetch = sum(file.num_bytes for file in missing)
    here = repository.num_bytes - to_fetch
    known = find_known(repository.name)
    memory = [f"memory: {_fit_words(known)}"] if known else []
    return [
        f"{repository.name}: {repository.revision} is commit {repository.commit}",
        f"{len(repository.files)} files, {exact(repository.num_bytes)};"
        f" {len(repository.files) - len(missing)} of them, {exact(here)}, are whole in the cache",
        f"to fetch: {exact(to_fetch)} into {hub_cache()}, where {rounded(free_bytes())} are free",
        *memory,
    ]


def _fit_words(known: KnownCheckpoint) -> str:
    from dgchat.engine.fit import fit_of, this_machine  # brings torch

    return fit_of(known.text_bytes, known.format, this_machine()).words


def _can_ask(reads: TextIO, err: TextIO) -> bool:
    return reads.isatty() and err.isatty()


def _says_yes(reads: TextIO, err: TextIO) -> bool:
    err.write(_QUESTION)
    err.flush()
    return reads.readline().strip().lower() in ("y", "yes")
