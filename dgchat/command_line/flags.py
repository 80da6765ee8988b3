"""Flags that several commands have, and how those of a command meet those before its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from dgchat.completion import completer_of
from dgchat.settings import doc_of


def option(name: str, *flags: str, metavar: str | None = None) -> Any:
    """The flag of a setting, spelled as usual unless `flags` are given."""
    spelled = flags or ("--" + name.replace("_", "-"),)
    return typer.Option(
        *spelled, help=doc_of(name), metavar=metavar, show_default=False, autocompletion=completer_of(name)
    )


Model = Annotated[str | None, option("model", metavar="NAME")]
Device = Annotated[str | None, option("device", metavar="NAME")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Prompt = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        "-p",
        metavar="TEXT",
        help="Answer this and leave; - reads standard input, @FILE a file. Several are joined, "
        "in the order given, with a blank line between.",
        show_default=False,
    ),
]


def with_own(context: typer.Context, own: Mapping[str, object]) -> dict[str, object]:
    """Flags of a subcommand: those before its name, then its own that were given."""
    before = cast("dict[str, object]", context.obj)
    return {**before, **{name: value for name, value in own.items() if value is not None}}
