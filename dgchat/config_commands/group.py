"""The commands under `dgchat config` and their flags."""

from __future__ import annotations

import sys
from typing import Annotated, cast

import typer

from dgchat.paths import config_file
from dgchat.settings import choose_settings

config = typer.Typer(
    help="Say where the settings lie and what holds, or edit them.",
    add_completion=False,
    no_args_is_help=True,
)


@config.command("path")
def _path() -> int:
    """Print where config.toml lies; it need not exist."""
    sys.stdout.write(f"{config_file()}\n")
    return 0


@config.command("show")
def _show(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> int:
    """Print every setting, its value, and where that comes from."""
    from dgchat.config_commands.show import run_show  # only this command needs it

    flags = cast("dict[str, object]", context.obj or {})
    return run_show(choose_settings(flags), sys.stdout, json=json)


@config.command("edit")
def _edit() -> int:
    """Open config.toml in $VISUAL or $EDITOR, and check it afterwards."""
    from dgchat.config_commands.edit import run_edit  # only this command needs it

    return run_edit(sys.stderr)
