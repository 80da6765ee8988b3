"""The manual page, made of what `--help` says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dgchat import __version__
from dgchat.paths import PATH_VARIABLES
from dgchat.settings import REFINE_KEY, SERVER_KEY, doc_of, setting_names, variable_of

_SUMMARY = "chat with the text-diffusion model DiffusionGemma and watch every denoising step"
_EXIT_CODE = re.compile(r"(\d+) ([^;]+)(?:;|\.?$)")

Command = Any
"""A command of Typer's, whose types are its own affair."""


def man_page(command: Command) -> str:
    """The page of dgchat(1) in the man macros; the epilog of `command` reads `...: 0 ok; 1 wrong; ...`."""
    return "\n".join(_page(command)) + "\n"


def _page(command: Command) -> Iterator[str]:
    context = command.context_class(command, info_name="dgchat")
    today = datetime.now(tz=UTC).date().isoformat()
    yield f'.TH DGCHAT 1 {today} "dgchat {__version__}" "User Commands"'
    yield from (".SH NAME", f"dgchat \\- {_SUMMARY}")
    yield from (".SH SYNOPSIS", f".B {_quoted(command.get_usage(context).partition(': ')[2])}")
    yield from (".SH DESCRIPTION", _text(command.help or ""))
    yield ".SH OPTIONS"
    yield from _options(command, context)
    yield ".SH COMMANDS"
    for name, inner in command.commands.items():
        yield from _command(inner, name, context)
    yield from _environment()
    yield ".SH EXIT STATUS"
    for code, meaning in _EXIT_CODE.findall(command.epilog.partition(": ")[2]):
        yield from _item(code, meaning)


def _command(command: Command, name: str, parent: Any) -> Iterator[str]:
    """A command, and those below it."""
    context = command.context_class(command, info_name=name, parent=parent)
    yield f".SS {_quoted(command.get_usage(context).partition(': ')[2])}"
    yield _text(command.help or "")
    if command.epilog:
        yield from (".PP", _text(command.epilog))
    yield from _options(command, context)
    for inner_name, inner in getattr(command, "commands", {}).items():
        yield from _command(inner, inner_name, context)


def _options(command: Command, context: Any) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and parameter.name != "help":
            yield from _item(*record)


def _environment() -> Iterator[str]:
    yield ".SH ENVIRONMENT"
    yield _text("Every setting is a flag, a variable, and in small letters a key of config.toml; flags win.")
    for name in setting_names():
        yield from _item(variable_of(name), doc_of(name))
    for name, flag in ((SERVER_KEY, "--server"), (REFINE_KEY, "--refine-with")):
        yield from _item(name, f"Key for the chat server of {flag}; never printed.")
    for name in sorted(PATH_VARIABLES):
        kind = name.removeprefix("DGCHAT_").removesuffix("_DIR").lower()
        yield from _item(name, f"Where the {kind} folder lies.")
    yield ".SH FILES"
    yield from _item("config.toml", "Settings; dgchat config path says where it lies.")
    yield from _item("themes/*.toml", "Themes of your own, beside config.toml.")


def _item(term: str, text: str) -> Iterator[str]:
    yield from (".TP", f".B {_quoted(term)}", _text(text))


def _quoted(text: str) -> str:
    """One argument of a macro."""
    escaped = _escaped(" ".join(text.split())).replace('"', "\\(dq")
    return f'"{escaped}"'


def _text(text: str) -> str:
    """A paragraph; what begins like a macro is none."""
    escaped = _escaped(" ".join(text.split()))
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
