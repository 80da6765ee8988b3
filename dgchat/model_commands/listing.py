"""`dgchat models list`: known and cached checkpoints, and how each fits this machine."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dgchat.engine.fit import Fit, Machine, fit_of, fit_of_folder, this_machine
from dgchat.hub.cache import CachedCheckpoint, cached_checkpoints
from dgchat.hub.formats import format_of
from dgchat.hub.known import KNOWN
from dgchat.hub.sizes import rounded
from dgchat.paths import bundled_model
from dgchat.safe_text import visible

BUNDLED = "the bundled model"
WHOLE, PARTLY, NOT_HERE = "whole", "in part", "no"

_PIPE_WIDTH = 200
"""Columns of a table that nobody looks at in a terminal."""


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
        _write_table(out, rows, machine)
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
            fit = fit_of(known.text_bytes, known.format, machine)
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
        fit=fit_of_folder(checkpoint.folder, checkpoint.weight_bytes, checkpoint.format, machine),
    )


def _bundled(machine: Machine) -> Row:
    folder = bundled_model()
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    kind = format_of(folder) or "bf16"
    return Row(BUNDLED, kind, size, True, WHOLE, None, fit_of_folder(folder, size, kind, machine))


def _write_table(out: TextIO, rows: list[Row], machine: Machine) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in (
        "checkpoint",
        "format",
        "size",
        "in the cache",
        f"memory of this machine ({machine.device})",
    ):
        table.add_column(title, overflow="fold")
    for row in rows:
        size = rounded(row.num_bytes)
        cached = f"{row.cached}, {row.commit[:8]}" if row.commit else row.cached
        cells = (row.name, row.format, size if row.is_exact else f"about {size}", cached, row.fit.words)
        table.add_row(*(Text(visible(cell, newlines=False)) for cell in cells))
    width = None if out.isatty() else _PIPE_WIDTH
    Console(file=out, width=width, highlight=False, markup=False).print(table)
