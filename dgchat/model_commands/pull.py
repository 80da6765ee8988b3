"""`dgchat models pull`, and the question before a checkpoint that was merely named is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from dgchat.errors import CheckpointError, NotDownloadedError, UsageError
from dgchat.hub.cache import MAIN, cached_folder, hub_cache, id_of_page, missing_files, needs_download
from dgchat.hub.download import check_disk, clear_leftovers, fetch_configuration
from dgchat.hub.known import find_known
from dgchat.hub.repository import Repository, free_bytes, look_up
from dgchat.hub.sizes import exact, rounded
from dgchat.model_commands.fetch import fetch
from dgchat.safe_text import visible

_QUESTION = "Fetch it? [y/N] "


def run_pull(
    name: str, revision: str, again: str | None = None, *, yes: bool, reads: TextIO, out: TextIO, err: TextIO
) -> int:
    """Fetch `name` at `revision`, asking first on a terminal; its folder goes to `out`, the rest to `err`.
    The file `again` is removed first, whole or not.
    """
    repository = look_up(name, revision)
    if again is not None:
        _discard(repository, again)
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
    if name is not None and (hub_id := id_of_page(name)) and not Path(name).exists():
        raise CheckpointError(f"{name} is the address of a page", hint=f"--model {hub_id}")
    if name is None or not needs_download(name):
        return
    if not yes and not _can_ask(reads, err):
        raise NotDownloadedError(
            f"{name} is {_whereabouts(name)}", hint=f"dgchat models pull {name}, or --yes"
        )
    _get(look_up(name, MAIN), yes=yes, reads=reads, err=err)


def _whereabouts(name: str) -> str:
    folder = cached_folder(name)
    if folder is None:
        return "not in the Hugging Face cache"
    return f"in the Hugging Face cache only in part: it lacks {', '.join(missing_files(folder))}"


def _discard(repository: Repository, name: str) -> None:
    file = next((file for file in repository.files if file.name == name), None)
    if file is None:
        raise UsageError(
            f"{repository.name} has no file {name} that a checkpoint needs",
            hint="--again takes the name that dgchat models verify told",
        )
    repository.discard(file)


def _get(repository: Repository, *, yes: bool, reads: TextIO, err: TextIO) -> None:
    if freed := clear_leftovers(repository):
        err.write(f"{rounded(freed)} that a killed download had left are removed\n")
    for line in plan_of(repository):
        err.write(f"{visible(line, newlines=False)}\n")
    check_disk(repository)
    err.write(f"{memory_of(repository)}\n")
    if repository.missing() and not yes and not _says_yes(reads, err):
        raise NotDownloadedError(f"{repository.name} was not fetched", hint="answer y, or give --yes")
    fetch(repository, err)


def plan_of(repository: Repository) -> list[str]:
    """What is about to happen, in exact numbers."""
    missing = repository.missing()
    to_fetch = sum(file.num_bytes for file in missing)
    here = repository.num_bytes - to_fetch
    return [
        f"{repository.name}: {repository.revision} is commit {repository.commit}",
        f"{len(repository.files)} files, {exact(repository.num_bytes)};"
        f" {len(repository.files) - len(missing)} of them, {exact(here)}, are whole in the cache",
        f"to fetch: {exact(to_fetch)} into {hub_cache()}, where {rounded(free_bytes())} are free",
        *([] if missing else [f"to fetch anew what verify refuses: {_command(repository)} --again FILE"]),
    ]


def _command(repository: Repository) -> str:
    pinned = "" if repository.revision == MAIN else f" --revision {repository.revision}"
    return f"dgchat models pull {repository.name}{pinned}"


def memory_of(repository: Repository) -> str:
    """Whether the model fits this machine, in a line; unless it is known, its configuration is fetched."""
    from dgchat.engine.fit import fit_of_configuration, this_machine  # brings torch

    known = find_known(repository.name)
    configuration = known.configuration() if known else fetch_configuration(repository)
    return f"memory: {visible(fit_of_configuration(configuration, this_machine()).words, newlines=False)}"


def _can_ask(reads: TextIO, err: TextIO) -> bool:
    return reads.isatty() and err.isatty()


def _says_yes(reads: TextIO, err: TextIO) -> bool:
    err.write(_QUESTION)
    err.flush()
    return reads.readline().strip().lower() in ("y", "yes")
