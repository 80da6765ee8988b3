"""The commands under `dgchat models` and their flags; the work is imported when a command runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

models = typer.Typer(
    help="List checkpoints, fetch them from the Hugging Face hub, verify them.", add_completion=False
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


@models.command("verify")
def _verify(
    path: Annotated[str, typer.Argument(metavar="PATH", help="Checkpoint folder, or a cached hub id.")],
) -> int:
    """Read a checkpoint whole: names, shapes, data types, hashes, and whether every weight is a number."""
    from dgchat.checkpoint import find_checkpoint  # brings torch
    from dgchat.model_commands.verify import run_verify

    return run_verify(find_checkpoint(path), sys.stdout, sys.stderr)
