"""`dgchat models list`: known and cached checkpoints, and how each fits this machine."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dgchat.engine.fit import Fit, Machine, fit_of_configuration, fit_of_folder, this_machine
from dgchat.hub.cache import CachedCheckpoint, cached_checkpoints
from dgchat.hub.formats import format_of, read_configuration
from dgchat.hub.known import KNOWN
from dgchat.hub.sizes import rounded
from dgchat.paths import bundled_model
from dgchat.safe_text import visible

BUNDLED = "the bundled model"
WHOLE, PARTLY, NOT_HERE = "whole", "in part", "no"

_NO_LIMIT = 10_000
"""Columns that no row of the table needs."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    """Hub id."""
    format: str
    """How the weights are stored."""
    num_bytes: int
    """Size of what is in the cache, or of what the hub has."""
    is_exact: bool
    """Whether the size is exact."""
    cached: str
    """`whole`, `in part` or `no`."""
    commit: str | None
    """The cached commit."""
    fit: Fit


def run_list(out: TextIO, *, json: bool) -> int:
    """Write the list to `out`; returns the exit code."""
    machine = this_machine()
    rows = list(list_rows(machine))
    if json:
        out.write(as_json(rows, machine))
    else:
        _write_words(out, rows, machine)
    return 0


def list_rows(machine: Machine) -> Iterator[Row]:
    """The bundled model, then the known checkpoints, then whatever else of the kind is in the cache."""
    yield _bundled(machine)
    cached = {checkpoint.name: checkpoint for checkpoint in cached_checkpoints()}
    for known in KNOWN:
        here = cached.pop(known.name, None)
        if here is not None and here.is_whole:
            yield _of_cache(here, machine)
        else:
            fit = fit_of_configuration(known.configuration(), machine)
            is_cached, commit = (PARTLY, here.commit) if here else (NOT_HERE, None)
            yield Row(known.name, known.format, known.num_bytes, known.is_exact, is_cached, commit, fit)
    for checkpoint in cached.values():
        yield _of_cache(checkpoint, machine)


def as_json(rows: list[Row], machine: Machine) -> str:
    """One array on one line, in ASCII."""
    return json_format.dumps([_as_object(row, machine) for row in rows]) + "\n"


def _as_object(row: Row, machine: Machine) -> dict[str, object]:
    return {
        "name": None if row.name == BUNDLED else row.name,
        "format": row.format,
        "bytes": row.num_bytes,
        "bytes_are_exact": row.is_exact,
        "cached": row.cached,
        "commit": row.commit,
        "device": machine.device,
        "needs_bytes": row.fit.needs_bytes,
        "available_bytes": row.fit.available_bytes,
        "fits": row.fit.fits,
        "fit": row.fit.words,
    }


def _of_cache(checkpoint: CachedCheckpoint, machine: Machine) -> Row:
    return Row(
        checkpoint.name,
        checkpoint.format,
        checkpoint.num_bytes,
        is_exact=True,
        cached=WHOLE if checkpoint.is_whole else PARTLY,
        commit=checkpoint.commit,
        fit=fit_of_folder(checkpoint.folder, machine)
        if checkpoint.is_whole
        else fit_of_configuration(read_configuration(checkpoint.folder), machine),
    )


def _bundled(machine: Machine) -> Row:
    folder = bundled_model()
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    kind = format_of(folder) or "bf16"
    return Row(BUNDLED, kind, size, True, WHOLE, None, fit_of_folder(folder, machine))


def _write_words(out: TextIO, rows: list[Row], machine: Machine) -> None:
    """A table, or where a terminal is too narrow for it some lines for each checkpoint."""
    titles = ("checkpoint", "format", "size", "in the cache", f"memory of this machine ({machine.device})")
    cells = [[Text(visible(cell, newlines=False)) for cell in _cells(row)] for row in rows]
    width = None if out.isatty() else _NO_LIMIT
    console = Console(file=out, width=width, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title, no_wrap=True)
    for row in cells:
        table.add_row(*row)
    needed = Measurement.get(console, console.options.update(max_width=_NO_LIMIT), table).maximum
    if needed <= console.width:
        console.print(table)
        return
    for name, *details in cells:
        console.print(name, overflow="fold")
        for title, detail in zip(titles[1:], details, strict=True):
            line = Text.assemble((f"{title}: ", "dim"), detail)
            console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _cells(row: Row) -> tuple[str, ...]:
    size = rounded(row.num_bytes)
    cached = f"{row.cached}, {row.commit[:8]}" if row.commit else row.cached
    return row.name, row.format, size if row.is_exact else f"about {size}", cached, row.fit.words
