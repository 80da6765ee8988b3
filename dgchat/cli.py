"""The command line: flags become settings, errors become one line of words and an exit code.

Nothing heavy is imported at the top: `dgchat --help` must answer at once, and torch and textual take seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO, cast

import typer

from dgchat import __version__
from dgchat.engine.events import Engine
from dgchat.errors import DgchatError, UsageError
from dgchat.model_commands.group import models
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader, Loading
from dgchat.session.past import PastWanted, wanted_past
from dgchat.session_commands.group import sessions
from dgchat.settings import (
    ChosenSettings,
    Settings,
    choose_settings,
    doc_of,
    load_settings,
    setting_names,
    where_set,
)

EXIT_CODES = """\
Exit codes: 0 ok; 1 something failed, a checkpoint is not downloaded, or the reader of a pipe has gone; \
2 wrong usage or settings; 3 the checkpoint is missing or broken; 130 stopped by ctrl+c or TERM (the draft \
is still printed)."""

app = typer.Typer(
    name="dgchat",
    help="Chat with DiffusionGemma and watch every denoising step. Without --prompt and without piped input "
    "the chat opens.",
    epilog=EXIT_CODES,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.add_typer(models, name="models")
app.add_typer(sessions, name="sessions")


def _option(name: str, *flags: str, metavar: str | None = None) -> Any:
    spelled = flags or ("--" + name.replace("_", "-"),)
    return typer.Option(*spelled, help=doc_of(name), metavar=metavar, show_default=False)


Model = Annotated[str | None, _option("model", metavar="NAME")]
Device = Annotated[str | None, _option("device", metavar="NAME")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Prompt = Annotated[
    str | None,
    typer.Option("--prompt", "-p", metavar="TEXT", help="Answer this and leave; - reads standard input."),
]


@app.callback(invoke_without_command=True)
def _chat(  # noqa: PLR0913, PLR0917 - Typer spells each flag as a parameter
    call: typer.Context,
    prompt: Prompt = None,
    json: Json = False,
    model: Model = None,
    device: Device = None,
    steps: Annotated[str | None, _option("steps", metavar="N")] = None,
    max_tokens: Annotated[str | None, _option("max_tokens", metavar="N")] = None,
    context: Annotated[str | None, _option("context", metavar="N")] = None,
    seed: Annotated[str | None, _option("seed", metavar="N")] = None,
    entropy_bound: Annotated[str | None, _option("entropy_bound", metavar="NATS")] = None,
    t_min: Annotated[str | None, _option("t_min", metavar="T")] = None,
    t_max: Annotated[str | None, _option("t_max", metavar="T")] = None,
    stability_threshold: Annotated[str | None, _option("stability_threshold", metavar="N")] = None,
    confidence_threshold: Annotated[str | None, _option("confidence_threshold", metavar="NATS")] = None,
    thinking: Annotated[bool | None, _option("thinking", "--think/--no-think")] = None,
    alternatives: Annotated[bool | None, _option("alternatives", "--alternatives/--no-alternatives")] = None,
    system: Annotated[str | None, _option("system", metavar="TEXT")] = None,
    save: Annotated[bool | None, _option("save", "--save/--no-save")] = None,
    theme: Annotated[str | None, _option("theme", metavar="NAME")] = None,
    motion: Annotated[str | None, _option("motion", metavar="full|calm|off")] = None,
    noise: Annotated[str | None, _option("noise", metavar="glyphs|raw")] = None,
    plain: Annotated[bool | None, _option("plain", "--plain/--no-plain")] = None,
    fps: Annotated[str | None, _option("fps", metavar="N")] = None,
    pace: Annotated[str | None, _option("pace", metavar="trail|live")] = None,
    bell: Annotated[bool | None, _option("bell", "--bell/--no-bell")] = None,
    title: Annotated[bool | None, _option("title", "--title/--no-title")] = None,
    goes_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="ID|TEXT", help="Go on with this conversation, or the latest that holds the text."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Fetch the model of --model without asking, if need be.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> int:
    flags = {name: call.params[name] for name in setting_names()}
    past = wanted_past(resume, goes_on=goes_on)
    if version:
        sys.stdout.write(f"dgchat {__version__}\n")
        raise typer.Exit
    if call.invoked_subcommand is not None:
        if prompt is not None or json or yes or past:
            own = "--prompt, --json, --yes, --continue and --resume"
            raise UsageError(f"{own} do not go before {call.invoked_subcommand}")
        call.obj = flags
        return 0
    is_chat = prompt is None and (plain is True or _is_terminal(sys.stdin))
    chosen = choose_settings(flags)
    _fetch_if_missing(chosen.settings.model, yes=yes)
    loader = _loader(chosen.settings, flags)
    return _answer_or_chat(chosen, loader, prompt, past, json=json, is_chat=is_chat)


@app.command("bench")
def _bench(
    context: typer.Context,
    steps: Annotated[str | None, typer.Option(metavar="N", help="Denoising steps of a run.")] = None,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Runs that are measured.")] = 3,
    model: Model = None,
    device: Device = None,
    against: Annotated[
        Literal["transformers"] | None,
        typer.Option(help="Measure the reference implementation too, in turn, in fp32 on the CPU."),
    ] = None,
    json: Json = False,
) -> int:
    """Measure denoising steps per second, with early stopping off."""
    flags = _with_own(context, {"steps": steps, "model": model, "device": device})
    settings = load_settings(flags)
    if against is not None:
        from dgchat.bench_against import run_against  # brings torch and transformers

        return run_against(settings.model, settings.steps, repeat, json=json, out=sys.stdout)
    from dgchat.bench import run_bench  # only this command needs it

    return run_bench(_loader(settings, flags), settings.steps, repeat, json=json, out=sys.stdout)


@app.command("replay")
def _replay(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="FILE|ID", help="A .jsonl recording, - for one piped in, or a stored answer."),
    ],
    plain: Annotated[bool | None, _option("plain", "--plain/--no-plain")] = None,
    export: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write it to this file: .html, .svg, .cast or .jsonl.")
    ] = None,
) -> int:
    """Show once more how an answer was denoised."""
    settings = load_settings(_with_own(context, {"plain": plain}))
    from dgchat.replay.command import run_replay  # brings rich

    return run_replay(source, settings, export, reads=sys.stdin, out=sys.stdout, err=sys.stderr)


@app.command("doctor")
def _doctor(context: typer.Context, model: Model = None, device: Device = None) -> int:
    """Say what this machine offers and what dgchat makes of it."""
    settings = load_settings(_with_own(context, {"model": model, "device": device}))
    from dgchat.doctor import run_doctor  # only this command needs it

    return run_doctor(settings, sys.stdout)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, of this process unless given; what goes wrong becomes a line and an exit code."""
    _prepare_streams()
    try:
        code = cast("int | None", app(args=arguments, prog_name="dgchat", standalone_mode=False))
        sys.stdout.flush()
    except DgchatError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(_usage_words(error), UsageError.exit_code)
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except OSError as error:
        _silence_stdout()
        return _fail(str(error), 1)
    return code or 0


def _answer_or_chat(
    chosen: ChosenSettings,
    loader: EngineLoader,
    prompt: str | None,
    past: PastWanted | None,
    *,
    json: bool,
    is_chat: bool,
) -> int:
    settings = chosen.settings
    if is_chat:
        if json:
            raise UsageError("--json needs a prompt", hint="use --prompt")
        from dgchat.ui.run import run_app  # brings textual, which a one-shot does without

        return run_app(settings, loader, chosen.origins, past)
    if past:
        raise UsageError("--continue and --resume are for the chat", hint="leave out --prompt")
    from dgchat.one_shot.prompt import FROM_STDIN, read_stdin  # a chat does without the one-shot
    from dgchat.one_shot.run import run_one_shot

    text = read_stdin(sys.stdin) if prompt in (None, FROM_STDIN) else prompt
    if prompt is None and not text.strip():
        raise UsageError("the chat needs a terminal, and standard input is empty", hint="use --prompt TEXT")
    return run_one_shot(text, settings, loader, json=json, out=sys.stdout, err=sys.stderr)


def _fetch_if_missing(model: str | None, *, yes: bool) -> None:
    if model is None:
        return
    from dgchat.model_commands.pull import fetch_if_missing  # brings huggingface_hub and rich

    fetch_if_missing(model, yes=yes, reads=sys.stdin, err=sys.stderr)


def _with_own(context: typer.Context, own: Mapping[str, object]) -> dict[str, object]:
    """Flags of a subcommand: those before its name, then its own."""
    before = cast("dict[str, object]", context.obj)
    return {**before, **{name: value for name, value in own.items() if value is not None}}


def _loader(settings: Settings, flags: Mapping[str, object]) -> EngineLoader:
    def load(loading: Loading) -> Engine:
        from dgchat.api import load_engine  # brings torch: seconds, so only once an engine is needed

        return load_engine(
            settings.model,
            settings.device,
            context=settings.context,
            on_progress=loading.report,
            cancelled=loading.cancelled,
            on_plan=loading.take_plan,
            named_by=where_set("model", flags),
        )

    return load


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


def _prepare_streams() -> None:
    """Closed streams are empty or lead nowhere; what is no text gets a mark or is spelled out."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - open until the end
    elif isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the end
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    """What the interpreter still flushes at its end must not fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
