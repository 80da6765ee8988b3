"""What the kernels take of each GPU, compiled ahead of time: `python -m dgchat_kernels.resources`.

Needs no GPU. One process compiles for one compute capability, in a temporary cache: a compiler that aborts
takes nothing else with it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dgchat_kernels.builds import ARCHITECTURES, BUILDS, SHARED_MEMORY_KIB, Build

MATRIX_INSTRUCTIONS = ("HGMMA", "UTCHMMA", "HMMA")
"""wgmma of sm90, tcgen05 of sm100, mma.sync of the others."""


@dataclass(frozen=True, slots=True)
class Resources:
    """One kernel, compiled for one compute capability."""

    kernel: str
    capability: int
    registers: int
    stack: int
    """Bytes of local memory of a thread."""
    spills: int
    """Instructions that load from or store to local memory."""
    shared_kib: float
    instructions: int
    matrix: str
    """Its matrix instruction, empty if it has none."""
    hot: bool

    @property
    def faults(self) -> list[str]:
        """What the gate has against it."""
        limit = SHARED_MEMORY_KIB[self.capability]
        found = [f"{self.shared_kib:.0f} KiB shared of {limit}"] if self.shared_kib > limit else []
        if self.hot and (self.stack or self.spills):
            found.append(f"spills: {self.stack} B stack, {self.spills} loads and stores")
        return found


def compile_build(build: Build, capability: int) -> Resources:
    """Compile in this process, which must not be interpreting."""
    import triton  # late: whoever only reads the list of builds needs no compiler
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel = getattr(importlib.import_module(f"dgchat_kernels.{build.module}"), build.kernel)
    names = kernel.arg_names
    constants = {
        (names.index(name),): _constant(value) for name, value in build.constants_on(capability).items()
    }
    signature = {name: build.signature.get(name, "constexpr") for name in names}
    aligned = {
        (index,): [["tt.divisibility", 16]]
        for index, name in enumerate(names)
        if signature[name].startswith("*") or name in _MULTIPLES_OF_16
    }
    source = ASTSource(kernel, signature, constants, aligned)
    target = GPUTarget("cuda", capability, 32)
    compiled: Any = triton.compile(
        source, target=target, options={"num_warps": build.warps, "num_stages": build.stages}
    )
    return _read(build, capability, compiled.asm["cubin"], compiled.metadata.shared)


_MULTIPLES_OF_16 = {
    *("hidden", "inner", "vocab", "part_length", "q_batch", "q_head", "q_row", "k_batch", "k_head", "k_row"),
    *("q_stride", "k_stride", "v_stride", "cache_stride"),
}
"""Whole numbers that the launcher finds to be so at the real shapes."""


def _constant(value: object) -> object:
    from triton.language import bfloat16  # late: see above

    return bfloat16 if value == "bf16" else value


def _read(build: Build, capability: int, cubin: bytes, shared: int) -> Resources:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(cubin)
        usage = _tool("cuobjdump", "-res-usage", str(file))
        sass = _tool("nvdisasm", "-c", str(file))
    instructions = re.findall(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?\S+\s+)?([A-Z][A-Z0-9_.]*)", sass, re.M)
    return Resources(
        kernel=build.name,
        capability=capability,
        registers=_number(r"REG:(\d+)", usage),
        stack=_number(r"STACK:(\d+)", usage),
        spills=sum(name.startswith(("LDL", "STL")) for name in instructions),
        shared_kib=shared / 1024,
        instructions=sum(name != "NOP" for name in instructions),
        matrix=next((m for m in MATRIX_INSTRUCTIONS if any(i.startswith(m) for i in instructions)), ""),
        hot=build.hot,
    )


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1])


def _tool(name: str, *arguments: str) -> str:
    from triton import backends  # late: see above

    tool = Path(backends.__path__[0]) / "nvidia" / "bin" / name
    return subprocess.run([str(tool), *arguments], capture_output=True, text=True, check=True).stdout


def resources_of(capability: int, names: list[str], timeout: float | None = None) -> list[Resources]:
    """Kernels by name (none: all), compiled in a process of their own; RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
        environment["TRITON_CACHE_DIR"] = cache
        command = [sys.executable, "-m", "dgchat_kernels.resources", "--compile", str(capability), *names]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )
    if done.returncode:
        raise RuntimeError(
            f"sm{capability}: the compiler ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return [Resources(**line) for line in json.loads(done.stdout)]


def as_table(found: list[Resources]) -> str:
    """One line for a kernel and compute capability."""
    lines = [
        "| kernel | sm | registers | stack | spills | shared KiB | instructions | matrix |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        lines.append(
            f"| {one.kernel} | {one.capability} | {one.registers} | {one.stack} | {one.spills} "
            f"| {one.shared_kib:.1f} | {one.instructions} | {one.matrix or '-'} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print the table, and what the gate has against it; 1 if that is anything."""
    parser = argparse.ArgumentParser(prog="python -m dgchat_kernels.resources", description=__doc__)
    parser.add_argument("names", nargs="*", help="kernels; all without")
    parser.add_argument("--sm", type=int, nargs="*", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--compile", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.compile:
        wanted = [build for build in BUILDS if not asked.names or build.name in asked.names]
        _print(json.dumps([asdict(compile_build(build, asked.compile)) for build in wanted]))
        return 0
    found = [one for capability in asked.sm for one in resources_of(capability, asked.names)]
    _print(json.dumps([asdict(one) for one in found]) if asked.json else as_table(found))
    faults = [f"{one.kernel}, sm{one.capability}: {fault}" for one in found for fault in one.faults]
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
