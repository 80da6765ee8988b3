"""The command line: flags become settings, errors become one line of words and an exit code.

Nothing heavy is imported at the top: `dgchat --help` must answer at once, and torch and textual take seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from io import TextIOWrapper, UnsupportedOperation
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO, cast

import typer

from dgchat import __version__
from dgchat.completion import VARIABLE, completer_of, script_for, teach_completion
from dgchat.config_commands.group import config
from dgchat.engine.events import DEFAULT_BATCH_SIZE, Engine
from dgchat.errors import DgchatError, SettingsError, UsageError
from dgchat.model_commands.group import models
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader, Loading
from dgchat.settings import (
    SERVER_KEY,
    ChosenSettings,
    Settings,
    choose_settings,
    doc_of,
    load_settings,
    read_key,
    setting_names,
    where_set,
)

EXIT_CODES = """\
Exit codes: 0 ok; 1 something failed, the answer has no such part, a stream breaks off or is none, a \
checkpoint is not downloaded, or the reader of a pipe has gone; 2 wrong usage or settings; 3 the checkpoint \
is missing or broken, or the server lacks the model; 130 stopped by ctrl+c or TERM (the draft is still \
printed)."""

BATCH_EPILOG = """\
FILE holds JSON objects with a prompt or a list of messages (role, content), a prompt a line, or a CSV. An \
answer is a line of JSON, in the order of FILE: row, line, input, text, thought, finish_reason, model, seed, \
settings, stats; or error, if there is none. Exit codes as for dgchat; 1 also if a row failed, 130 stopped: \
the same command goes on from there."""

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

app.add_typer(models, name="models")
app.add_typer(config, name="config")


def _option(name: str, *flags: str, metavar: str | None = None) -> Any:
    spelled = flags or ("--" + name.replace("_", "-"),)
    return typer.Option(
        *spelled, help=doc_of(name), metavar=metavar, show_default=False, autocompletion=completer_of(name)
    )


Model = Annotated[str | None, _option("model", metavar="NAME")]
Device = Annotated[str | None, _option("device", metavar="NAME")]
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
    server: Annotated[str | None, _option("server", metavar="URL")] = None,
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
    keep: Annotated[str | None, _option("keep", metavar="TIME")] = None,
    theme: Annotated[str | None, _option("theme", metavar="NAME")] = None,
    motion: Annotated[str | None, _option("motion", metavar="full|calm|off")] = None,
    noise: Annotated[str | None, _option("noise", metavar="glyphs|raw")] = None,
    plain: Annotated[bool | None, _option("plain", "--plain/--no-plain")] = None,
    fps: Annotated[str | None, _option("fps", metavar="N")] = None,
    pace: Annotated[str | None, _option("pace", metavar="trail|live")] = None,
    bell: Annotated[bool | None, _option("bell", "--bell/--no-bell")] = None,
    title: Annotated[bool | None, _option("title", "--title/--no-title")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Fetch the model of --model without asking, if need be.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> int:
    flags = {name: call.params[name] for name in setting_names()}
    if version:
        sys.stdout.write(f"dgchat {__version__}\n")
        raise typer.Exit
    if call.invoked_subcommand is not None:
        given = [name for name, value in call.params.items() if value and name not in {*flags, "version"}]
        if given:
            raise UsageError(f"--{given[0].replace('_', '-')} does not go before {call.invoked_subcommand}")
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
        _fetch_if_missing(settings, yes=yes)
        return _chat_in_terminal(chosen, _loader(settings, flags))
    from dgchat.one_shot.asked import messages_of  # a chat does without the one-shot
    from dgchat.one_shot.run import run_one_shot

    asked = messages_of(prompt, messages, template, sys.stdin)
    loader = _kept_loader(settings, flags, yes=yes)
    return run_one_shot(asked, settings, loader, wanted, sys.stdout, sys.stderr)


@app.command("bench")
def _bench(  # noqa: PLR0913, PLR0917 - Typer spells each flag as a parameter
    context: typer.Context,
    steps: Annotated[str | None, typer.Option(metavar="N", help="Denoising steps of a run.")] = None,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Runs that are measured.")] = 3,
    model: Model = None,
    device: Device = None,
    against: Annotated[
        Literal["transformers"] | None,
        typer.Option(help="Measure the reference implementation too, in turn, in fp32 on the CPU."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Instead: N prompts answered together, against one after another."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Measure denoising steps per second, with early stopping off."""
    if against is not None and batch is not None:
        raise UsageError("--against and --batch measure different things", hint="one at a time")
    flags = _with_own(context, {"steps": steps, "model": model, "device": device})
    settings = load_settings(flags)
    if against is not None:
        from dgchat.bench_against import run_against  # brings torch and transformers

        return run_against(settings.model, settings.steps, repeat, json=json, out=sys.stdout)
    if settings.server is not None:
        raise UsageError("a server does not tell its steps", hint="bench measures the model on this machine")
    if batch is not None:
        from dgchat.bench_batch import run_bench_batch  # only this command needs it

        return run_bench_batch(
            _loader(settings, flags), batch, settings.steps, repeat, json=json, out=sys.stdout
        )
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


@app.command("batch", epilog=BATCH_EPILOG)
def _batch(  # noqa: PLR0913, PLR0917 - Typer spells each flag as a parameter
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE", help="The prompts; - reads standard input.")],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the answers go; - is standard output.",
            show_default=False,
        ),
    ] = "-",
    size: Annotated[
        int,
        typer.Option("--batch-size", min=1, max=1024, metavar="N", help="Rows that are denoised together."),
    ] = DEFAULT_BATCH_SIZE,
    format_: Annotated[
        Literal["jsonl", "csv", "lines"] | None,
        typer.Option("--format", help="What FILE holds; left out: by its suffix, jsonl for -."),
    ] = None,
    column: Annotated[
        str, typer.Option(metavar="NAME", help="The column of a CSV that holds the prompts.")
    ] = "prompt",
    again: Annotated[
        bool, typer.Option("--again", help="Answer all rows, also those answered already.")
    ] = False,
    model: Model = None,
    device: Device = None,
    steps: Annotated[str | None, _option("steps", metavar="N")] = None,
    max_tokens: Annotated[str | None, _option("max_tokens", metavar="N")] = None,
    context_length: Annotated[str | None, _option("context", "--context", metavar="N")] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="S", help="Row i, counted from 0, has the seed S + i; a seed of its own wins."),
    ] = None,
    thinking: Annotated[bool | None, _option("thinking", "--think/--no-think")] = None,
    system: Annotated[str | None, _option("system", metavar="TEXT")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Fetch the model of --model without asking, if need be.")
    ] = False,
) -> int:
    """Answer a file of prompts, many at a time; what is answered already is not asked again."""
    own = {"model": model, "device": device, "steps": steps, "max_tokens": max_tokens}
    asked = {"context": context_length, "seed": seed, "thinking": thinking, "system": system}
    flags = _with_own(context, {**own, **asked})
    settings = load_settings(flags)
    _fetch_if_missing(settings, yes=yes)
    from dgchat.batch.job import BatchJob  # only this command needs it, and it brings rich
    from dgchat.batch.run import run_batch

    job = BatchJob(source, output, format_, column, size, again)
    return run_batch(job, settings, _loader(settings, flags), sys.stdin, sys.stdout, sys.stderr)


@app.command("view")
def _view(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="What --jsonl wrote; - reads standard input.")
    ],
) -> int:
    """Show a stream of --jsonl as its answer is written: ssh HOST dgchat -p TEXT --jsonl | dgchat view -"""
    settings = load_settings(_with_own(context, {}))
    from dgchat.one_shot.view import run_view  # only this command needs it

    return run_view(source, settings, sys.stdin, sys.stdout, sys.stderr)


@app.command("schema")
def _schema() -> int:
    """Print the JSON Schema of a line of --jsonl."""
    from dgchat.stream.schema import SCHEMA  # only this command needs it

    sys.stdout.write(f"{dumps(SCHEMA, indent=2)}\n")
    return 0


@app.command("ps")
def _ps(json: Annotated[bool, typer.Option("--json", help="Print one JSON array instead.")] = False) -> int:
    """List the models that --keep keeps loaded."""
    from dgchat.keep.listing import run_ps  # only this command needs it

    return run_ps(sys.stdout, json_wanted=json)


@app.command("stop")
def _stop(
    pid: Annotated[int | None, typer.Argument(metavar="PID", help="Which; left out: all.")] = None,
) -> int:
    """End a process that keeps a model, as dgchat ps lists them."""
    from dgchat.keep.listing import run_stop  # only this command needs it

    return run_stop(pid, sys.stderr)


@app.command("doctor")
def _doctor(context: typer.Context, model: Model = None, device: Device = None, json: Json = False) -> int:
    """Say what this machine offers and what dgchat makes of it: what a bug report needs, and no secrets."""
    from dgchat.doctor.report import run_doctor  # only this command needs it

    flags = _with_own(context, {"model": model, "device": device})
    try:
        return run_doctor(choose_settings(flags), sys.stdout, json=json)
    except SettingsError as error:  # broken settings are a finding too
        return run_doctor(ChosenSettings.defaults(), sys.stdout, json=json, found=[error])


@app.command("completion")
def _completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"],
        typer.Argument(metavar="bash|zsh|fish", help="The shell that is to complete."),
    ],
) -> int:
    """Print what makes a shell complete dgchat: source <(dgchat completion bash)"""
    sys.stdout.write(script_for(shell))
    return 0


@app.command("man")
def _man() -> int:
    """Print the manual page: dgchat man > dgchat.1"""
    from dgchat.man_page import man_page  # only this command needs it

    sys.stdout.write(man_page(typer.main.get_command(app), EXIT_CODES))
    return 0


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, of this process unless given; what goes wrong becomes a line and an exit code."""
    _prepare_streams()
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
        _silence_stdout()
        raise
    except BrokenPipeError:
        _silence_stdout()
        return 1
    except OSError as error:
        _silence_stdout()
        return _fail(str(error), 1)
    return code or 0


def _with_values(arguments: Sequence[str]) -> list[str]:
    """The arguments with the value that a bare --code stands for: Typer's options have one or never do."""
    return ["--code=first" if argument == "--code" else argument for argument in arguments]


def _chat_in_terminal(chosen: ChosenSettings, loader: EngineLoader) -> int:
    from dgchat.ui.run import run_app  # brings textual, which a one-shot does without

    return run_app(chosen.settings, loader, chosen.origins)


def _fetch_if_missing(settings: Settings, *, yes: bool) -> None:
    if settings.model is None or settings.server is not None:
        return
    from dgchat.model_commands.pull import fetch_if_missing  # brings huggingface_hub and rich

    fetch_if_missing(settings.model, yes=yes, reads=sys.stdin, err=sys.stderr)


def _with_flags(context: typer.Context, own: Mapping[str, object]) -> Settings:
    """Settings of a subcommand: the flags before its name, then its own."""
    return load_settings(_with_own(context, own))


def _with_own(context: typer.Context, own: Mapping[str, object]) -> dict[str, object]:
    """Flags of a subcommand: those before its name, then its own."""
    before = cast("dict[str, object]", context.obj)
    return {**before, **{name: value for name, value in own.items() if value is not None}}


def _loader(settings: Settings, flags: Mapping[str, object]) -> EngineLoader:
    def load(loading: Loading) -> Engine:
        if settings.server is not None:
            from dgchat.engine.remote import RemoteEngine  # brings httpx2

            key = read_key(SERVER_KEY)
            return RemoteEngine.connect(settings.server, key, settings.model, loading.cancelled)
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


def _kept_loader(settings: Settings, flags: Mapping[str, object], *, yes: bool) -> EngineLoader:
    """The loader of a command that answers and leaves: the engine of a process that kept it, if any."""
    if settings.server is not None:
        return _loader(settings, flags)
    from dgchat.keep.start import find_or_start  # a chat does without

    fetch = partial(_fetch_if_missing, settings, yes=yes)
    return find_or_start(settings, partial(_loader, flags=flags), fetch, sys.stderr)


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
    with suppress(UnsupportedOperation):  # it is no file at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
