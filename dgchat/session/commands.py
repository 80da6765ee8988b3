"""The one table of commands: slash commands and the palette are both read from it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from dgchat.errors import UsageError


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    """What is typed after the slash."""
    argument: str
    """How its argument is shown, empty if it takes none."""
    summary: str
    """What it does, in a few words."""
    choices: tuple[str, ...] = ()
    """The arguments that are always the same."""

    @property
    def usage(self) -> str:
        """The command as it is typed."""
        return f"/{self.name} {self.argument}".rstrip()


COMMANDS: tuple[Command, ...] = (
    Command("help", "", "keys and commands"),
    Command("new", "", "start a new conversation"),
    Command("clear", "", "clear the screen, keep the conversation"),
    Command("system", "[text|off]", "instructions from the next turn on", ("off",)),
    Command(
        "steps", "[n|draft|balanced|full]", "denoising steps of the next turn", ("draft", "balanced", "full")
    ),
    Command("tokens", "[n]", "length limit of the next turn, in whole canvases"),
    Command("more", "", "entropy bound, temperatures, seed, thinking"),
    Command("seed", "[n|fresh]", "seed of the next turns", ("fresh",)),
    Command("think", "[on|off]", "let the model think first", ("on", "off")),
    Command("replay", "[n]", "an answer once more, step by step: the last, or the n-th"),
    Command("heat", "[n]", "a map of when each token of an answer settled"),
    Command(
        "export",
        "[file]",
        "how the last answer came to be: .html, .svg, .cast, .jsonl; the conversation: .md, .json",
    ),
    Command(
        "alternatives",
        "[on|off]",
        "record what else could have stood there, from the next turn on",
        ("on", "off"),
    ),
    Command(
        "retry", "[steps|same]", "answer again: fresh seed, same seed, or same seed at n steps", ("same",)
    ),
    Command("refine", "[noise|url[:model]]", "go over the last answer again, here or on a chat server"),
    Command("continue", "", "go on with an answer that was cut at its limit"),
    Command("undo", "", "take back the last turn, its prompt returns to the box"),
    Command("edit", "[n]", "write the last prompt, or the n-th, anew: another version"),
    Command("branch", "[n]", "show another version of an edited or retried prompt"),
    Command("resume", "[text]", "go on with a stored conversation"),
    Command("rename", "[title]", "give the conversation another title"),
    Command("delete", "[yes]", "delete the conversation; /undo brings it back", ("yes",)),
    Command("save", "[file]", "write the conversation to a new file: .md or .json"),
    Command(
        "copy",
        "[code n|prompt]",
        "copy the last answer, its n-th code block, or its prompt",
        ("code", "prompt"),
    ),
    Command("editor", "", "write the prompt in $VISUAL or $EDITOR"),
    Command("stats", "", "counts and times of the last answer"),
    Command("theme", "[name]", "change the colours; without a name: try them on"),
    Command("settings", "", "every setting, what it is and where it comes from"),
    Command("quit", "", "leave dgchat"),
)

_BY_NAME = {command.name: command for command in COMMANDS}


def parse_command(text: str) -> tuple[Command, str] | None:
    """The command and argument in a prompt; None for a prompt, UsageError for an unknown command."""
    if not text.startswith("/"):
        return None
    name, _, argument = text[1:].strip().partition(" ")
    command, argument = find_command(name), argument.strip()
    if argument and not command.argument:
        raise UsageError(f"/{command.name} takes no argument.", hint=f"type {command.usage}")
    return command, argument


def find_command(name: str) -> Command:
    """The command of that name; UsageError names the nearest one."""
    if command := _BY_NAME.get(name.lower()):
        return command
    nearest = get_close_matches(name.lower(), _BY_NAME, n=1, cutoff=0.5)
    hint = f"did you mean /{nearest[0]}?" if nearest else "/help lists them"
    raise UsageError(f"There is no command /{name}.", hint=hint)


def complete_command(text: str) -> list[Command]:
    """The commands that what has been typed so far could become."""
    if not text.startswith("/") or " " in text or "\n" in text:
        return []
    return [command for command in COMMANDS if command.name.startswith(text[1:].lower())]


def read_number(argument: str, what: str, low: int, high: int) -> int:
    """The argument as a whole number from `low` to `high`; UsageError says what was wanted."""
    try:
        number = int(argument)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise UsageError(f"{what} is a whole number from {low} to {high}, not {argument!r}.")
    return number


def read_switch(argument: str, current: bool) -> bool:
    """`on` or `off`; an empty argument turns the switch over."""
    if argument.lower() in ("on", "off"):
        return argument.lower() == "on"
    if argument:
        raise UsageError(f"It is `on` or `off`, not {argument!r}.")
    return not current
