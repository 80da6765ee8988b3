"""Kernels compiled for every GPU they are meant for, on a machine that needs none of them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dgchat_kernels.builds import ARCHITECTURES, BUILDS
from dgchat_kernels.resources import Resources, as_table, main, resources_of

ROOT = Path(__file__).parents[2]
REPRESENTATIVE = [
    "experts NVFP4, down",
    "attention, heads of 512",
    "statistics",
]
"""Of each kind one: packed weights, the largest program, no matrix product."""

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed"
)


def assert_fits(found: list[Resources]) -> None:
    print(as_table(found))
    assert not {(one.kernel, one.capability): one.faults for one in found if one.faults}
    for one in found:
        if (
            one.kernel.startswith(("experts", "attention, heads", "soft embedding"))
            and "sum" not in one.kernel
        ):
            expected = {90: "HGMMA", 100: "UTCHMMA"}.get(one.capability, "HMMA")
            assert one.matrix == expected, one


@needs_triton
@pytest.mark.parametrize("capability", ARCHITECTURES)
def test_the_largest_kernels_compile_without_spills(capability: int):
    found = resources_of(capability, REPRESENTATIVE)
    assert [one.kernel for one in found] == [build.name for build in BUILDS if build.name in REPRESENTATIVE]
    assert_fits(found)


@needs_triton
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("capability", ARCHITECTURES)
def test_every_kernel_compiles_without_spills(capability: int):
    found = resources_of(capability, [])
    assert len(found) == len(BUILDS)
    assert_fits(found)


FINE = Resources("a kernel", 89, 100, 0, 0, 99.0, 500, "HMMA", hot=True)


def test_the_gate_has_something_against_spills_of_hot_kernels_and_too_much_shared_memory():
    assert not FINE.faults
    assert replace(FINE, stack=8).faults == ["spills: 8 B stack, 0 loads and stores"]
    assert replace(FINE, spills=2).faults == ["spills: 0 B stack, 2 loads and stores"]
    assert not replace(FINE, spills=2, hot=False).faults
    assert replace(FINE, shared_kib=100).faults == ["100 KiB shared of 99"]
    assert not replace(FINE, shared_kib=100, capability=90).faults


def test_every_kernel_of_the_package_has_a_build():
    written = {
        line.removeprefix("def ").partition("(")[0]
        for file in (ROOT / "kernels" / "dgchat_kernels").glob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("def ") and "_kernel(" in line
    }
    assert written == {build.kernel for build in BUILDS}


@needs_triton
def test_the_table_is_printed_by_a_command(capsys: pytest.CaptureFixture[str]):
    assert main(["router", "--sm", "80"]) == 0
    assert "| router | 80 |" in capsys.readouterr().out


def test_a_compiler_that_fails_is_told_with_the_architecture(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(RuntimeError, match="sm90: the compiler ended with 1"):
        resources_of(90, ["router"])


def test_the_package_needs_no_compiler_to_be_imported(tmp_path: Path):
    (tmp_path / "triton.py").write_text("raise ImportError('there is none here')", encoding="utf-8")
    code = "import dgchat_kernels, torch; print(dgchat_kernels.select(torch.device('cpu'))[1])"
    path = os.pathsep.join([str(tmp_path), str(ROOT / "kernels")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("plain torch on cpu")
