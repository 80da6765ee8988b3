"""The list names what is known and what is here, and says of each whether it fits, with both numbers."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest

from dgchat.cli import run
from dgchat.engine.fit import Machine
from dgchat.hub.download import fetch
from dgchat.hub.known import KNOWN
from dgchat.hub.repository import look_up
from dgchat.model_commands.listing import list_rows, run_list
from fake_hub import COMMIT, TINY, FakeHub

LAPTOP = Machine("cpu", 16_000_000_000)
GAMING_CARD = Machine("cuda", 24_000_000_000)
DATACENTRE_CARD = Machine("cuda", 80_000_000_000)
NVFP4 = "nvidia/diffusiongemma-26B-A4B-it-NVFP4"
BF16 = "google/diffusiongemma-26B-A4B-it"


def fits_on(machine: Machine) -> dict[str, bool | None]:
    return {row.name: row.fit.fits for row in list_rows(machine)}


@pytest.mark.usefixtures("hub_cache")
def test_known_checkpoints_are_told_without_a_cache_and_without_a_request():
    names = [row.name for row in list_rows(LAPTOP)]
    assert names == ["the bundled model", *(known.name for known in KNOWN)]


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize(
    ("machine", "nvfp4", "bf16"),
    [(LAPTOP, False, False), (GAMING_CARD, True, False), (DATACENTRE_CARD, True, True)],
)
def test_what_fits_depends_on_the_machine(machine: Machine, nvfp4: bool, bf16: bool):
    found = fits_on(machine)
    assert (found[NVFP4], found[BF16], found["the bundled model"]) == (nvfp4, bf16, True)


@pytest.mark.usefixtures("hub_cache")
def test_too_large_says_both_numbers():
    row = next(row for row in list_rows(GAMING_CARD) if row.name == BF16)
    assert row.fit.words == "too large: needs 52.5 GB, 24.0 GB free"


def test_a_pulled_checkpoint_is_whole_with_its_commit_and_exact_size(hub: FakeHub):
    fetch(TINY)
    row = next(row for row in list_rows(LAPTOP) if row.name == TINY)
    assert (row.cached, row.commit, row.format) == ("whole", COMMIT, "bf16")
    assert row.num_bytes == look_up(TINY).num_bytes
    hub.requests.clear()
    list(list_rows(LAPTOP))
    assert hub.requests == []


def test_a_half_pulled_checkpoint_is_here_in_part(hub: FakeHub):
    fetch(TINY)
    next(look_up(TINY).folder.glob("*2.safetensors")).unlink()
    row = next(row for row in list_rows(LAPTOP) if row.name == TINY)
    assert row.cached == "in part"


def test_a_format_that_is_not_read_does_not_fit(hub: FakeHub):
    fetch(TINY)
    config = look_up(TINY).folder / "config.json"
    config.write_text('{"model_type": "diffusion_gemma", "quantization_config": {"quant_method": "awq"}}')
    row = next(row for row in list_rows(DATACENTRE_CARD) if row.name == TINY)
    assert (row.fit.fits, row.fit.words) == (False, "AWQ is not read")


def test_a_checkpoint_that_does_not_open_is_told_with_its_fault(hub: FakeHub):
    fetch(TINY)
    shard = next(look_up(TINY).folder.glob("*2.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    row = next(row for row in list_rows(DATACENTRE_CARD) if row.name == TINY)
    assert row.fit.fits is False
    assert row.fit.words.startswith("cannot be opened: ")
    assert shard.name in row.fit.words


def test_where_nothing_tells_the_memory_nothing_is_claimed():
    fit = next(iter(list_rows(Machine("mps", None)))).fit
    assert fit.fits is None
    assert "not known" in fit.words


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("command", [["models"], ["models", "list"]])
def test_the_table_is_plain_text_in_a_pipe(command: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert all(known.name in out for known in KNOWN)
    assert "about 51.6 GB" in out
    assert "\x1b" not in out + err


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("columns", [20, 40, 60, 80, 160])
def test_on_a_terminal_of_any_width_a_name_is_read_in_one_go(monkeypatch: pytest.MonkeyPatch, columns: int):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    run_list(out, json=False)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    assert all(len(line) <= columns for line in lines)
    if len(NVFP4) <= columns:
        assert [line.split()[0] for line in lines if NVFP4 in line] == [NVFP4]
    assert NVFP4 in "".join(lines)
    words = " ".join(" ".join(lines).split())
    assert "nvfp4" in words
    assert "18.8 GB" in words


@pytest.mark.usefixtures("hub_cache")
def test_in_a_pipe_a_checkpoint_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "20")
    out = StringIO()
    run_list(out, json=False)
    assert len(out.getvalue().splitlines()) == 2 + len(KNOWN)


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("command", [["models", "--json"], ["models", "list", "--json"]])
def test_json_has_exact_bytes_and_both_numbers(command: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(command) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert found[NVFP4]["bytes"] == 18_823_855_888
    assert found[NVFP4]["bytes_are_exact"] is True
    assert found[BF16]["bytes_are_exact"] is False
    assert {"needs_bytes", "available_bytes", "fits", "cached", "commit", "format"} <= set(found[NVFP4])
    assert None in found


def test_a_hostile_folder_name_in_the_cache_is_shown_and_not_obeyed(hub: FakeHub, hub_cache: Path):
    fetch(TINY)
    (hub_cache / "models--someone--tiny").rename(hub_cache / "models--some\x1b[31mone--tiny")
    out = StringIO()
    run_list(out, json=False)
    assert "some␛[31mone/tiny" in out.getvalue()
