"""Pulling a checkpoint: asked for, in exact bytes, and gone on with after whatever stopped it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from threading import Timer

import pytest

from dgchat.checkpoint import find_checkpoint
from dgchat.checkpoint.verify import verify
from dgchat.engine.fit import Machine, fit_of_folder
from dgchat.errors import CheckpointError, HubError, NotDownloadedError, StoppedError, UsageError
from dgchat.hub.cache import cached_folder
from dgchat.hub.repository import Repository, look_up
from dgchat.model_commands import fetch as fetch_module
from dgchat.model_commands.fetch import fetch
from dgchat.model_commands.pull import fetch_if_missing, memory_of, run_pull
from fake_hub import COMMIT, OTHER_COMMIT, TINY, FakeHub, FakeRepository

USELESS_PART = "*.*.incomplete"
"""What huggingface_hub 2 calls half a file; 1 calls it `*.incomplete`, and goes on with it."""

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
TERMINAL, PIPE = True, False


class Stream(StringIO):
    """A terminal, or a pipe."""

    def __init__(self, text: str = "", is_terminal: bool = PIPE) -> None:
        super().__init__(text)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def pull(answer: str = "", is_terminal: bool = PIPE, revision: str = "main", yes: bool = False) -> list[str]:
    """Pull the tiny checkpoint; stdout, stderr."""
    out, err = Stream(), Stream(is_terminal=is_terminal)
    assert run_pull(TINY, revision, yes=yes, reads=Stream(answer, is_terminal), out=out, err=err) == 0
    return [out.getvalue(), err.getvalue()]


def test_the_commit_and_the_exact_bytes_are_told_and_the_folder_goes_to_stdout(hub: FakeHub):
    repository = look_up(TINY)
    out, err = pull()
    assert out == f"{repository.folder}\n"
    assert f"main is commit {COMMIT}" in err
    assert f"7 files, {repository.num_bytes:,} bytes" in err
    assert f"open it with: dgchat --model {TINY}" in err
    assert "\x1b" not in out + err


def test_of_a_known_checkpoint_it_is_said_whether_it_fits_before_anything_is_fetched(
    hub: FakeHub, tiny_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dgchat.engine.fit.this_machine", lambda: Machine("cuda", 24_000_000_000))
    known = "google/diffusiongemma-26B-A4B-it"
    hub.repositories[known] = FakeRepository(tiny_files)
    assert memory_of(look_up(known)) == "memory: too large: needs 52.5 GB, 24.0 GB free"
    assert hub.fetched() == []


def test_of_any_other_its_configuration_tells_before_the_question_what_its_headers_will_say(
    hub: FakeHub, tiny_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dgchat.engine.fit.this_machine", lambda: Machine("cuda", 24_000_000_000))
    config = json.loads(tiny_files["config.json"]) | {"dtype": "float32"}
    hub.repositories[TINY] = FakeRepository(tiny_files | {"config.json": json.dumps(config).encode()})
    reads, err = Stream("n\n", TERMINAL), Stream(is_terminal=TERMINAL)
    with pytest.raises(NotDownloadedError):
        run_pull(TINY, "main", yes=False, reads=reads, out=Stream(), err=err)
    told = err.getvalue().partition("memory: ")[2].partition("\nFetch it?")[0]
    assert cached_folder(TINY) is None, "a configuration alone is nothing to open"
    pull()
    assert told == fit_of_folder(find_checkpoint(TINY), Machine("cuda", 24_000_000_000)).words


def test_one_in_a_foreign_format_is_refused_before_anyone_is_asked(
    hub: FakeHub, tiny_files: dict[str, bytes]
):
    foreign = b'{"model_type": "diffusion_gemma", "quantization_config": {"quant_method": "awq"}}'
    hub.repositories[TINY] = FakeRepository(tiny_files | {"config.json": foreign})
    with pytest.raises(CheckpointError, match="stored as AWQ"):
        pull("", TERMINAL)
    assert hub.fetched() == ["config.json"]


def test_a_pipe_is_not_asked_and_no_word_of_the_question_is_written(hub: FakeHub):
    assert "[y/N]" not in pull()[1]
    assert len(hub.fetched()) == 7


def test_a_terminal_is_asked_with_the_exact_bytes_before_the_first_one(hub: FakeHub):
    reads, err = Stream("n\n", TERMINAL), Stream(is_terminal=TERMINAL)
    with pytest.raises(NotDownloadedError, match="was not fetched"):
        run_pull(TINY, "main", yes=False, reads=reads, out=Stream(), err=err)
    assert f"to fetch: {look_up(TINY).num_bytes:,} bytes" in err.getvalue()
    assert err.getvalue().endswith("[y/N] ")
    assert hub.fetched() == ["config.json"]


@pytest.mark.parametrize(("answer", "yes"), [("y\n", False), ("YES\n", False), ("", True)])
def test_a_yes_or_its_flag_fetches(hub: FakeHub, answer: str, yes: bool):
    assert ("[y/N]" in pull(answer, TERMINAL, yes=yes)[1]) is not yes
    assert len(hub.fetched()) == 7


def test_a_whole_checkpoint_is_not_asked_about(hub: FakeHub):
    pull()
    hub.requests.clear()
    assert "[y/N]" not in pull("", TERMINAL)[1]
    assert hub.fetched() == []


def test_another_revision_than_main_is_opened_by_its_folder(hub: FakeHub, tiny_files: dict[str, bytes]):
    hub.repositories[TINY] = FakeRepository(tiny_files, {"main": COMMIT, "v2": OTHER_COMMIT})
    pull()
    out, err = pull(revision="v2")
    assert f"v2 is commit {OTHER_COMMIT}" in err
    assert f"dgchat --model {out.strip()}" in err
    assert find_checkpoint(TINY).name == COMMIT


def test_a_short_disk_is_refused_before_anyone_is_asked(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(HubError, match="1,000 bytes"):
        pull("y\n", TERMINAL)
    assert hub.fetched() == []


def test_a_named_checkpoint_is_never_fetched_unasked(hub: FakeHub):
    with pytest.raises(NotDownloadedError) as caught:
        fetch_if_missing(TINY, yes=False, reads=Stream(), err=Stream(is_terminal=TERMINAL))
    assert caught.value.exit_code == 1
    assert f"dgchat models pull {TINY}" in str(caught.value)
    assert hub.requests == []


def test_a_checkpoint_that_is_here_in_part_is_said_to_lack_its_file(hub: FakeHub):
    pull()
    (look_up(TINY).folder / SECOND).unlink()
    with pytest.raises(NotDownloadedError, match=f"only in part: it lacks {SECOND}"):
        fetch_if_missing(TINY, yes=False, reads=Stream(), err=Stream())


def test_the_address_of_a_page_is_answered_with_the_name_to_give(hub: FakeHub):
    with pytest.raises(CheckpointError, match=r"address of a page \(--model someone/tiny\)"):
        fetch_if_missing(f"https://huggingface.co/{TINY}", yes=True, reads=Stream(), err=Stream())
    assert hub.requests == []


def test_a_file_that_verify_refuses_is_fetched_anew_by_its_name(hub: FakeHub):
    pull()
    shard = look_up(TINY).folder / FIRST
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match=f"{FIRST} is not what was published"):
        verify(shard.parent, lambda _file: None)
    hub.requests.clear()
    assert f"dgchat models pull {TINY} --again FILE" in pull()[1]
    assert hub.fetched() == []
    assert run_pull(TINY, "main", FIRST, yes=True, reads=Stream(), out=Stream(), err=Stream()) == 0
    assert hub.fetched() == [FIRST]
    assert shard.read_bytes() == whole


def test_only_a_file_of_the_checkpoint_can_be_fetched_anew(hub: FakeHub):
    with pytest.raises(UsageError, match=r"has no file README\.md"):
        run_pull(TINY, "main", "README.md", yes=True, reads=Stream(), out=Stream(), err=Stream())


@pytest.mark.parametrize(
    ("answer", "is_terminal", "yes"), [("y\n", TERMINAL, False), ("", PIPE, True), ("", TERMINAL, True)]
)
def test_a_named_checkpoint_is_fetched_after_a_yes(hub: FakeHub, answer: str, is_terminal: bool, yes: bool):
    err = Stream(is_terminal=is_terminal)
    fetch_if_missing(TINY, yes=yes, reads=Stream(answer, is_terminal), err=err)
    assert ("[y/N]" in err.getvalue()) is not yes
    assert find_checkpoint(TINY).name == COMMIT


def test_a_named_checkpoint_that_is_here_costs_no_request(hub: FakeHub):
    pull()
    hub.requests.clear()
    fetch_if_missing(TINY, yes=False, reads=Stream(), err=Stream())
    fetch_if_missing(None, yes=True, reads=Stream(), err=Stream())
    assert hub.requests == []


def test_a_minute_without_bytes_is_called_a_stall(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    hub.stalls_at = FIRST
    seconds = iter(range(0, 10_000, 30))
    err = Stream()

    def clock() -> float:
        now = next(seconds) if hub.has_stalled.is_set() else 0
        if "stalled" in err.getvalue():
            hub.released.set()
        return now

    monkeypatch.setattr(fetch_module, "_TICK_SECONDS", 0.02)
    fetch(look_up(TINY), err, clock)
    assert "stalled: no byte for " in err.getvalue()
    assert find_checkpoint(TINY).name == COMMIT


def test_a_download_that_is_stopped_while_bytes_come_leaves_no_half_file(hub: FakeHub, hub_cache: Path):
    hub.stalls_at = FIRST

    def clock() -> float:
        if hub.has_stalled.is_set():
            Timer(0.2, hub.released.set).start()
            raise KeyboardInterrupt
        return 0.0

    with pytest.raises(StoppedError, match=r"5 of 7 files .* are whole and kept"):
        fetch(look_up(TINY), Stream(), clock)
    assert not list(hub_cache.rglob(USELESS_PART))
    assert [file.name for file in look_up(TINY).missing()] == [FIRST, SECOND]


def test_what_failed_says_what_is_kept(hub: FakeHub):
    repository = look_up(TINY)
    hub.refusal, err = (403, "GatedRepo"), Stream()
    with pytest.raises(HubError, match="is gated"):
        fetch(repository, err)
    assert err.getvalue() == "0 of 7 files (0.0 kB) are whole and kept\n"


def test_the_hub_libraries_own_warnings_are_not_shown(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    repository, usage = look_up(TINY), shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fetch(repository, Stream())
    assert caught == []


@contextmanager
def pulling_until(stall: str, hub: FakeHub, home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that pulls, and hangs in the middle of a file."""
    hub.stalls_at = stall
    command = [sys.executable, "-m", "dgchat", "models", "pull", TINY]
    environment = os.environ | hub.environment(home)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert hub.has_stalled.wait(60)
        yield process
        process.kill()


def fetched_by_a_second_pull(hub: FakeHub) -> list[str]:
    hub.stalls_at = None
    hub.released.set()
    hub.requests.clear()
    pull()
    return hub.fetched()


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_after_a_kill_whole_files_are_not_fetched_again(hub: FakeHub, hub_cache: Path):
    with pulling_until(SECOND, hub, hub_cache.parent) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert find_is_refused()
    assert fetched_by_a_second_pull(hub) == [SECOND]
    assert find_checkpoint(TINY).name == COMMIT
    assert not list(hub_cache.rglob(USELESS_PART))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_with_130_and_says_what_is_kept(hub: FakeHub, hub_cache: Path, number: signal.Signals):
    with pulling_until(FIRST, hub, hub_cache.parent) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    last = err.splitlines()[-1]
    assert last.startswith("dgchat: stopped; 5 of 7 files")
    assert f"dgchat models pull {TINY}" in last
    assert fetched_by_a_second_pull(hub) == [FIRST, SECOND]


def find_is_refused() -> bool:
    try:
        find_checkpoint(TINY)
    except NotDownloadedError:
        return True
    return False


def test_the_repository_that_is_told_is_the_one_that_is_fetched(hub: FakeHub, tiny_files: dict[str, bytes]):
    repository: Repository = look_up(TINY)
    hub.repositories[TINY] = FakeRepository(tiny_files, {"main": OTHER_COMMIT, "old": COMMIT})
    fetch(repository, Stream())
    assert find_checkpoint(TINY).name == COMMIT
