"""The commands under `dgchat models` and their flags; the work is imported when a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

models = typer.Typer(
    help="List checkpoints, fetch them from the Hugging Face hub, quantise and verify them.",
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON array instead of a table.")]


@models.callback(invoke_without_command=True)
def _models(context: typer.Context, json: Json = False) -> int:
    if context.invoked_subcommand is not None:
        return 0
    return _list(json)


@models.command("list")
def _list(json: Json = False) -> int:
    """Name known and cached checkpoints: size, format, in the cache or not, and whether they fit here."""
    from dgchat.model_commands.listing import run_list  # brings torch

    return run_list(sys.stdout, json=json)


@models.command("pull")
def _pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Hub id: OWNER/NAME.")],
    revision: Annotated[
        str, typer.Option(metavar="R", help="Branch, tag or commit to pin to.", show_default=True)
    ] = "main",
    again: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Fetch this file anew, as one that verify refuses.", show_default=False
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before fetching.")] = False,
) -> int:
    """Fetch a checkpoint into the Hugging Face cache; what is whole there is not fetched again."""
    from dgchat.model_commands.pull import run_pull  # brings huggingface_hub and rich

    return run_pull(name, revision, again, yes=yes, reads=sys.stdin, out=sys.stdout, err=sys.stderr)


@models.command(
    "quantize",
    epilog="Exit codes: 0 written; 1 the disk is short or fails, or SRC is not downloaded; 2 DST exists "
    "already, or its parent does not; 3 SRC is missing, broken or quantised already; 130 stopped by ctrl+c "
    "or TERM. Whatever but 0 leaves DST as it was.",
)
def _quantize(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="Checkpoint folder in bf16 or fp32, or a cached hub id.")
    ],
    target: Annotated[Path, typer.Argument(metavar="DST", help="Folder to write; it must not exist yet.")],
) -> int:
    """Write a bf16 checkpoint as NVFP4: experts in 4 bits, all else as it is, shard by shard."""
    from dgchat.checkpoint import find_checkpoint  # brings torch
    from dgchat.model_commands.quantize import run_quantize

    return run_quantize(find_checkpoint(source), target, sys.stdout, sys.stderr)


@models.command("verify")
def _verify(
    path: Annotated[str, typer.Argument(metavar="PATH", help="Checkpoint folder, or a cached hub id.")],
) -> int:
    """Read a checkpoint whole: names, shapes, data types, hashes, and whether every weight is a number."""
    from dgchat.checkpoint import find_checkpoint  # brings torch
    from dgchat.model_commands.verify import run_verify

    return run_verify(find_checkpoint(path), sys.stdout, sys.stderr)
