"""Whether a checkpoint fits the memory of this machine, with both numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dgchat.checkpoint.plan import MemoryPlanner
from dgchat.checkpoint.stored import open_weights
from dgchat.engine.device import choose_device, free_memory
from dgchat.errors import CheckpointError
from dgchat.hub.formats import OURS, Configuration, read_configuration
from dgchat.hub.sizes import rounded


@dataclass(frozen=True, slots=True)
class Machine:
    device: str
    """`cpu`, `cuda` or `mps`."""
    available_bytes: int | None
    """Memory that is free on it; None where nothing tells."""


@dataclass(frozen=True, slots=True)
class Fit:
    kind: str
    """How the weights are stored."""
    needs_bytes: int | None
    """Memory the checkpoint needs on this device, with the shortest context; None if nothing tells."""
    available_bytes: int | None
    """Memory that is free there; None where nothing tells."""
    longest_context: int | None = None
    """Tokens of prompt and answer together that it would be opened with; None where nothing tells."""
    fault: str = ""
    """Why it cannot be opened at all; empty where nothing is known against it."""

    @property
    def fits(self) -> bool | None:
        """Whether it can be opened here; None where nothing tells how much memory is free."""
        if self.fault or self.kind not in OURS:
            return False
        if self.needs_bytes is None or self.available_bytes is None:
            return None
        return self.needs_bytes <= self.available_bytes

    @property
    def words(self) -> str:
        """`fits: needs 19.7 of 23.1 GB`, or why not."""
        if self.kind not in OURS:
            return f"{self.kind} is not read"
        if self.fault:
            return f"cannot be opened: {self.fault}"
        needs = "nobody knows how much" if self.needs_bytes is None else rounded(self.needs_bytes)
        if self.available_bytes is None:
            return f"needs {needs}; how much is free is not known here"
        free = rounded(self.available_bytes)
        if not self.fits:
            return f"too large: needs {needs}, {free} free"
        context = f"; context up to {self.longest_context:,}" if self.longest_context else ""
        return f"fits: needs {needs}, {free} free{context}"


def this_machine(device: str = "auto") -> Machine:
    """The device that would compute (`auto`, `cpu`, `cuda` or `mps`) and what is free on it."""
    chosen = choose_device(device)
    return Machine(chosen, free_memory(chosen))


def fit_of_folder(folder: Path, machine: Machine) -> Fit:
    """How the whole checkpoint in a folder fits, by the plan that its headers make; what is wrong with them
    where they make none.
    """
    configuration = read_configuration(folder)
    try:
        planner = MemoryPlanner.of(open_weights(folder), machine.device)
    except CheckpointError as error:
        return replace(fit_of_configuration(configuration, machine), fault=error.message)
    return _fit(configuration, planner, machine)


def fit_of_configuration(configuration: Configuration, machine: Machine) -> Fit:
    """How a checkpoint fits of which no weights are here, or not all of them."""
    try:
        planner = MemoryPlanner.of_configuration(configuration, machine.device)
    except CheckpointError as error:
        return Fit(_kind(configuration), None, machine.available_bytes, fault=error.message)
    return _fit(configuration, planner, machine)


def _fit(configuration: Configuration, planner: MemoryPlanner, machine: Machine) -> Fit:
    available = machine.available_bytes
    longest = None if available is None else planner.roomy_context(available)
    needs = planner.plan(planner.least).total_bytes
    return Fit(_kind(configuration), needs, available, longest)


def _kind(configuration: Configuration) -> str:
    return configuration.format or "a model of another architecture"
