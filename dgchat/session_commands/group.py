"""The commands under `dgchat sessions` and their flags; the work is imported when a command runs."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

sessions = typer.Typer(
    help="List stored conversations, show them, write them to files, delete them.", add_completion=False
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Deleted = Annotated[bool, typer.Option("--deleted", help="Those that were deleted and can be brought back.")]
Identity = Annotated[
    str,
    typer.Argument(metavar="ID|TEXT", help="An id, or words of the conversation; the latest match counts."),
]
Ids = Annotated[list[str], typer.Argument(metavar="ID...")]


@sessions.callback(invoke_without_command=True)
def _sessions(context: typer.Context, json: Json = False) -> int:
    if context.invoked_subcommand is not None:
        return 0
    return _list(json=json)


@sessions.command("list")
def _list(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Only those that hold these words.")] = "",
    deleted: Deleted = False,
    json: Json = False,
) -> int:
    """Name conversations, the latest first: id, age, turns, model, title."""
    from dgchat.session_commands.commands import run_list

    return run_list(text, sys.stdout, deleted=deleted, json=json)


@sessions.command("show")
def _show(which: Identity, json: Json = False) -> int:
    """Print a conversation as Markdown, or all its turns as JSON."""
    from dgchat.session_commands.commands import run_show

    return run_show(which, sys.stdout, sys.stderr, json=json)


@sessions.command("export")
def _export(
    which: Identity,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A file that is not there yet, or a folder.")
    ] = "",
    form: Annotated[
        Literal["md", "json"] | None, typer.Option("--format", help="Unless the file's suffix says it.")
    ] = None,
) -> int:
    """Write a conversation to a file of its own; nothing is ever overwritten."""
    from dgchat.session_commands.commands import run_export

    return run_export(which, file, form or "", sys.stdout, sys.stderr)


@sessions.command("delete")
def _delete(
    ids: Ids,
    now: Annotated[bool, typer.Option("--now", help="Erase for good, at once.")] = False,
) -> int:
    """Delete conversations; for 30 days `dgchat sessions restore` brings them back."""
    from dgchat.session_commands.commands import run_delete

    return run_delete(ids, sys.stderr, now=now)


@sessions.command("restore")
def _restore(ids: Ids) -> int:
    """Bring deleted conversations back."""
    from dgchat.session_commands.commands import run_restore

    return run_restore(ids, sys.stderr)
