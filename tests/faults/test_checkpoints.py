"""Broken and hostile checkpoints: a typed error with the file, soon; nothing opened or run outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from dgchat.checkpoint import open_checkpoint
from dgchat.errors import CheckpointError
from faults.audit import audited, opened_outside
from faults.broken_checkpoints import BROKEN_FILES, NORM, TRAVERSALS, break_checkpoint
from peak_memory import CAN_MEASURE, raised_peak
from tiny import write_checkpoint

MOST_BYTES = 64 * 2**20
"""What may be allocated before a folder is refused."""

WARM = """
from dgchat.checkpoint import open_checkpoint
from dgchat.errors import CheckpointError
import dgchat.model.transformer
"""
REFUSE = """
try:
    open_checkpoint(Path(sys.argv[1])).load()
except CheckpointError:
    pass
else:
    raise SystemExit("it was not refused")
"""

SHRINK = """
import os, sys
from pathlib import Path
from dgchat.checkpoint.headers import read_headers
from dgchat.errors import CheckpointError
path = Path(sys.argv[1]) / "model.safetensors"
data, refused = path.read_bytes(), 0
child = os.fork()
while child == 0:
    with open(path, "r+b") as file:
        file.truncate(0)
        file.write(data)
for _ in range(int(sys.argv[2])):
    try:
        read_headers(path.parent)
    except CheckpointError:
        refused += 1
os.kill(child, 9)
print(refused)
"""


def open_and_load(folder: Path) -> None:
    open_checkpoint(folder).load()


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a first load imports is no fault of the folder."""
    open_and_load(write_checkpoint(tmp_path_factory.mktemp("warm")))


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_broken_weights_are_a_typed_error_that_names_the_file(tmp_path: Path, name: str):
    folder = break_checkpoint(tmp_path / "checkpoint", BROKEN_FILES[name])
    started = monotonic()
    with audited() as heard, pytest.raises(CheckpointError, match="safetensors") as caught:
        open_and_load(folder)
    assert monotonic() - started < 1.0
    assert caught.value.exit_code == 3
    assert not any(ord(letter) < 32 for letter in str(caught.value))
    assert opened_outside(heard, folder) == []


def test_there_are_sixteen_kinds_of_broken_weights():
    assert len(BROKEN_FILES) >= 16


@pytest.mark.parametrize("name", TRAVERSALS)
def test_nothing_outside_the_folder_is_opened_and_nothing_is_run(tmp_path: Path, name: str):
    (tmp_path / "outside.safetensors").write_bytes(b"not ours")
    folder = break_checkpoint(tmp_path / "checkpoint", TRAVERSALS[name])
    started = monotonic()
    with audited() as heard, pytest.raises(CheckpointError):
        open_and_load(folder)
    assert monotonic() - started < 1.0
    assert opened_outside(heard, folder) == []
    assert not (tmp_path / "bomb").exists()


@pytest.mark.skipif(not CAN_MEASURE, reason="the peak cannot be measured here")
@pytest.mark.parametrize(
    "name",
    [
        "header of 200 MB, there",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("config of a huge vocabulary", "shape overflows")
        ),
    ],
)
def test_a_lie_about_sizes_is_refused_before_anything_large_is_allocated(tmp_path: Path, name: str):
    folder = break_checkpoint(tmp_path / "checkpoint", (BROKEN_FILES | TRAVERSALS)[name])
    assert raised_peak(WARM, REFUSE, folder) <= MOST_BYTES


def test_one_nan_is_named_with_its_tensor_and_file(tmp_path: Path):
    folder = break_checkpoint(tmp_path / "checkpoint", BROKEN_FILES["NaN"])
    with pytest.raises(CheckpointError, match=rf"^model\.safetensors: tensor '{NORM}' holds a NaN"):
        open_and_load(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_file_that_shrinks_while_its_header_is_read_never_kills(tmp_path: Path):
    write_checkpoint(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", SHRINK, str(tmp_path), "2000"], capture_output=True, timeout=120, check=False
    )
    assert done.returncode != -signal.SIGBUS
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
