"""The command line: flags become settings, errors become one line of words and an exit code.

Nothing heavy is imported at the top: `dgchat --help` must answer at once, and torch and textual take seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TextIO, cast

import typer

from dgchat import __version__
from dgchat.command_line.commands import add_commands
from dgchat.command_line.engines import fetch_if_missing, kept_loader_for, loader_for
from dgchat.command_line.flags import Device, Json, Model, Prompt, option
from dgchat.command_line.streams import prepare_streams, silence_stdout
from dgchat.completion import VARIABLE, teach_completion
from dgchat.config_commands.group import config
from dgchat.errors import DgchatError, UsageError
from dgchat.model_commands.group import models
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader
from dgchat.session.past import PastWanted, wanted_past
from dgchat.session_commands.group import sessions
from dgchat.settings import (
    ChosenSettings,
    choose_settings,
    setting_names,
)

EXIT_CODES = """\
Exit codes: 0 ok; 1 something failed, the answer has no such part, a stream breaks off or is none, a \
checkpoint is not downloaded, or the reader of a pipe has gone; 2 wrong usage or settings; 3 the checkpoint \
is missing or broken, or the server lacks the model; 130 stopped by ctrl+c or TERM (the draft is still \
printed)."""

app = typer.Typer(
    name="dgchat",
    help="Chat with DiffusionGemma and watch every denoising step. Without --prompt and without piped input "
    "the chat opens.",
    epilog=EXIT_CODES,
    subcommand_metavar="[COMMAND [ARGS]...]",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

add_commands(app)
app.add_typer(models, name="models")
app.add_typer(config, name="config")
app.add_typer(sessions, name="sessions")


@app.callback(invoke_without_command=True)
def _chat(  # noqa: PLR0913, PLR0917 - Typer spells each flag as a parameter
    call: typer.Context,
    prompt: Prompt = None,
    messages: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Answer a chat in JSON (role and content) instead; - reads it from stdin."
        ),
    ] = None,
    template: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Put the prompt where this says {input}.")
    ] = None,
    json: Json = False,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="Print every event as a line of JSON; dgchat schema describes them."),
    ] = False,
    code: Annotated[
        str | None,
        typer.Option(
            metavar="[=all]", help="Print only the first fenced block of the answer, or all of them."
        ),
    ] = None,
    thought: Annotated[
        bool, typer.Option("--thought", help="Print the thought instead of the answer; implies --think.")
    ] = False,
    refine: Annotated[
        int,
        typer.Option(
            min=0,
            max=100,
            metavar="N",
            help="Go over the answer N times before it is printed.",
            show_default=False,
        ),
    ] = 0,
    noise_level: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="LEVEL",
            help="How much of the draft --refine thinks over, from 0 to 1; left out: 0.5.",
        ),
    ] = None,
    refine_with: Annotated[
        str | None,
        typer.Option(
            metavar="URL[:MODEL]",
            help="Have a chat server that speaks the OpenAI protocol go over the answer; "
            "its key is read from DGCHAT_REFINE_KEY.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, all of it or nothing."),
    ] = None,
    model: Model = None,
    server: Annotated[str | None, option("server", metavar="URL")] = None,
    device: Device = None,
    steps: Annotated[str | None, option("steps", metavar="N")] = None,
    max_tokens: Annotated[str | None, option("max_tokens", metavar="N")] = None,
    context: Annotated[str | None, option("context", metavar="N")] = None,
    seed: Annotated[str | None, option("seed", metavar="N")] = None,
    entropy_bound: Annotated[str | None, option("entropy_bound", metavar="NATS")] = None,
    t_min: Annotated[str | None, option("t_min", metavar="T")] = None,
    t_max: Annotated[str | None, option("t_max", metavar="T")] = None,
    stability_threshold: Annotated[str | None, option("stability_threshold", metavar="N")] = None,
    confidence_threshold: Annotated[str | None, option("confidence_threshold", metavar="NATS")] = None,
    thinking: Annotated[bool | None, option("thinking", "--think/--no-think")] = None,
    alternatives: Annotated[bool | None, option("alternatives", "--alternatives/--no-alternatives")] = None,
    system: Annotated[str | None, option("system", metavar="TEXT")] = None,
    save: Annotated[bool | None, option("save", "--save/--no-save")] = None,
    keep: Annotated[str | None, option("keep", metavar="TIME")] = None,
    theme: Annotated[str | None, option("theme", metavar="NAME")] = None,
    motion: Annotated[str | None, option("motion", metavar="full|calm|off")] = None,
    raw_noise: Annotated[bool | None, option("raw_noise", "--raw-noise/--no-raw-noise")] = None,
    plain: Annotated[bool | None, option("plain", "--plain/--no-plain")] = None,
    fps: Annotated[str | None, option("fps", metavar="N")] = None,
    pace: Annotated[str | None, option("pace", metavar="trail|live")] = None,
    bell: Annotated[bool | None, option("bell", "--bell/--no-bell")] = None,
    title: Annotated[bool | None, option("title", "--title/--no-title")] = None,
    goes_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="ID|NAME|TEXT",
            help="Go on with this conversation, or the latest that holds the text; a one-shot begins one of "
            "a NAME that is new.",
        ),
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID|NAME|TEXT", help="The same as --resume.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Fetch the model of --model without asking, if need be.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> int:
    flags = {name: call.params[name] for name in setting_names()}
    past = wanted_past(resume, session, goes_on=goes_on)
    if version:
        sys.stdout.write(f"dgchat {__version__}\n")
        raise typer.Exit
    if call.invoked_subcommand is not None:
        own = {"goes_on": "continue"}
        given = [name for name, value in call.params.items() if value and name not in {*flags, "version"}]
        if given:
            flag = own.get(given[0], given[0]).replace("_", "-")
            raise UsageError(f"--{flag} does not go before {call.invoked_subcommand}")
        call.obj = flags
        return 0
    from dgchat.one_shot.refining import RefineWish  # the commands do without
    from dgchat.one_shot.wanted import Wanted

    wanted = Wanted(json, jsonl, code, thought, output, RefineWish(refine, noise_level, refine_with))
    chosen = choose_settings(flags)
    settings = chosen.settings
    if refine and settings.server is not None:
        raise UsageError("--refine needs the model on this machine", hint="--refine-with asks a server")
    if prompt is None and messages is None and (plain is True or _is_terminal(sys.stdin)):
        if template is not None or wanted != Wanted():
            raise UsageError("only an answer to a prompt can be printed so", hint="use --prompt")
        fetch_if_missing(settings, yes=yes)
        return _chat_in_terminal(chosen, loader_for(settings, chosen.origins), past)
    if past and messages is not None:
        raise UsageError("--messages holds the whole chat", hint="leave out --continue and --session")
    from dgchat.one_shot.asked import messages_of  # a chat does without the one-shot
    from dgchat.one_shot.run import run_one_shot

    asked = messages_of(prompt, messages, template, sys.stdin)
    loader = kept_loader_for(settings, chosen.origins, yes=yes)
    if past is None:
        return run_one_shot(asked, settings, loader, wanted, sys.stdout, sys.stderr)
    from dgchat.one_shot.continuing import Continuing  # brings sqlite3

    continuing = Continuing.open(past, settings)
    sys.stderr.writelines(f"dgchat: {visible(line, newlines=False)}\n" for line in continuing.remarks())
    asked = (*continuing.messages(), *asked)
    return run_one_shot(asked, settings, loader, wanted, sys.stdout, sys.stderr, continuing)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, of this process unless given; what goes wrong becomes a line and an exit code."""
    prepare_streams()
    if VARIABLE in os.environ:
        teach_completion()
    try:
        words = _with_values(sys.argv[1:] if arguments is None else arguments)
        code = cast("int | None", app(args=words, prog_name="dgchat", standalone_mode=False))
        sys.stdout.flush()
    except DgchatError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(_usage_words(error), UsageError.exit_code)
    except KeyboardInterrupt:
        silence_stdout()
        raise
    except BrokenPipeError:
        silence_stdout()
        return 1
    except OSError as error:
        silence_stdout()
        return _fail(str(error), 1)
    except Exception as error:
        from dgchat.crash import report_crash  # hardly ever needed

        silence_stdout()
        return _fail(report_crash(error, arguments), 1)
    return code or 0


def _with_values(arguments: Sequence[str]) -> list[str]:
    """The arguments with the value that a bare --code stands for: Typer's options have one or never do."""
    return ["--code=first" if argument == "--code" else argument for argument in arguments]


def _chat_in_terminal(chosen: ChosenSettings, loader: EngineLoader, past: PastWanted | None) -> int:
    from dgchat.ui.run import run_app  # brings textual, which a one-shot does without

    return run_app(chosen.settings, loader, chosen.origins, past)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _fail(words: str, code: int) -> int:
    sys.stderr.write(f"dgchat: {visible(words, newlines=False)}\n")
    return code


def _usage_words(error: typer.TyperException) -> str:
    """Typer's complaint in one line; for an option or command that does not exist, the nearest that does."""
    words = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "dgchat"
    if not words.startswith("No such command"):
        return f"{words} ({command} --help lists the options)"
    if context is None or context.parent is None:
        return f'{words} (a prompt goes behind --prompt: dgchat --prompt "hello")'
    return f"{words} ({command} has {', '.join(context.command.commands)})"
