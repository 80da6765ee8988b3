"""The commands that are no group of their own; each imports its work when it runs."""

from __future__ import annotations

import sys
from json import dumps
from typing import Annotated, Literal

import typer

from dgchat.command_line.engines import fetch_if_missing, kept_loader_for, loader_for
from dgchat.command_line.flags import Device, Json, Model, option, with_own
from dgchat.completion import script_for
from dgchat.engine.events import DEFAULT_BATCH_SIZE, Engine
from dgchat.errors import SettingsError, UsageError
from dgchat.session.loading import Loading
from dgchat.settings import ChosenSettings, choose_settings, load_settings

BATCH_EPILOG = """\
FILE holds JSON objects with a prompt or a list of messages (role, content), a prompt a line, or a CSV. An \
answer is a line of JSON, in the order of FILE: row, line, input, text, thought, finish_reason, model, seed, \
settings, stats; or error, if there is none. Exit codes as for dgchat; 1 also if a row failed, 130 stopped: \
the same command goes on from there."""


def add_commands(app: typer.Typer) -> None:
    """Let `app` have them all."""
    app.command("bench")(bench)
    app.command("replay")(replay)
    app.command("batch", epilog=BATCH_EPILOG)(batch)
    app.command("view")(view)
    app.command("schema")(schema)
    app.command("ps")(ps)
    app.command("stop")(stop)
    app.command("doctor")(doctor)
    app.command("completion")(completion)
    app.command("man")(man)


def bench(  # noqa: PLR0913, PLR0917 - Typer spells each flag as a parameter
    context: typer.Context,
    steps: Annotated[str | None, typer.Option(metavar="N", help="Denoising steps of a run.")] = None,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Runs that are measured.")] = 3,
    model: Model = None,
    device: Device = None,
    against: Annotated[
        Literal["transformers", "autoregressive"] | None,
        typer.Option(
            help="Measure too: the reference implementation, in turn, in fp32 on the CPU; or the same "
            "weights writing one token at a time."
        ),
    ] = None,
    shape: Annotated[
        Literal["26b", "nano"] | None,
        typer.Option(help="Random weights of this shape, instead of a checkpoint; told with the floor."),
    ] = None,
    weights: Annotated[
        Literal["fp32", "bf16", "nvfp4"] | None,
        typer.Option(help="How those of --shape are stored; left out: fp32 on a CPU, else bf16."),
    ] = None,
    prefix: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Tokens before the canvas; told with the floor."),
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
    given = {"--against": against, "--shape": shape, "--prefix": prefix}
    if batch is not None and (others := [name for name, value in given.items() if value is not None]):
        raise UsageError(f"{others[0]} and --batch measure different things", hint="one at a time")
    _check_shape(shape, weights, model)
    chosen = choose_settings(with_own(context, {"steps": steps, "model": model, "device": device}))
    settings = chosen.settings
    if against == "transformers":
        if shape is not None or prefix is not None:
            raise UsageError("--against transformers measures a checkpoint and its prompt", hint="--model")
        from dgchat.bench_against import run_against  # brings torch and transformers

        return run_against(settings.model, settings.steps, repeat, json=json, out=sys.stdout)
    if settings.server is not None:
        raise UsageError("a server does not tell its steps", hint="bench measures the model on this machine")
    load = loader_for(settings, chosen.origins, batch or 1)
    if batch is not None:
        from dgchat.bench_batch import run_bench_batch  # only this command needs it

        return run_bench_batch(load, batch, settings.steps, repeat, json=json, out=sys.stdout)
    if shape is not None or prefix is not None or against is not None:
        from dgchat.shaped_bench.run import ShapedBench, run_shaped_bench  # brings torch

        asked = ShapedBench(shape, weights, prefix or 0, settings.steps, repeat, against is not None)
        return run_shaped_bench(asked, load, settings.device, json=json, out=sys.stdout)
    from dgchat.bench import run_bench  # only this command needs it

    return run_bench(load, settings.steps, repeat, json=json, out=sys.stdout)


def _check_shape(shape: str | None, weights: str | None, model: str | None) -> None:
    if shape is not None and model is not None:
        raise UsageError("--shape has random weights, --model those of a checkpoint", hint="one of them")
    if weights is not None and shape is None:
        raise UsageError("a checkpoint has its weights as they are", hint="--weights goes with --shape")


def replay(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|ID",
            help="A .jsonl recording or what --jsonl wrote, - for one piped in, or a stored answer.",
        ),
    ],
    plain: Annotated[bool | None, option("plain", "--plain/--no-plain")] = None,
    export: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write it to this file: .html, .svg, .cast or .jsonl.")
    ] = None,
) -> int:
    """Show once more how an answer was denoised."""
    settings = load_settings(with_own(context, {"plain": plain}))
    from dgchat.replay.command import run_replay  # brings rich

    return run_replay(source, settings, export, reads=sys.stdin, out=sys.stdout, err=sys.stderr)


def batch(  # noqa: PLR0913, PLR0917 - Typer spells each flag as a parameter
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
    steps: Annotated[str | None, option("steps", metavar="N")] = None,
    max_tokens: Annotated[str | None, option("max_tokens", metavar="N")] = None,
    context_length: Annotated[str | None, option("context", "--context", metavar="N")] = None,
    seed: Annotated[
        str | None,
        typer.Option(metavar="S", help="Row i, counted from 0, has the seed S + i; a seed of its own wins."),
    ] = None,
    thinking: Annotated[bool | None, option("thinking", "--think/--no-think")] = None,
    system: Annotated[str | None, option("system", metavar="TEXT")] = None,
    keep: Annotated[str | None, option("keep", metavar="TIME")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Fetch the model of --model without asking, if need be.")
    ] = False,
) -> int:
    """Answer a file of prompts, many at a time; what is answered already is not asked again."""
    own = {"model": model, "device": device, "steps": steps, "max_tokens": max_tokens}
    asked = {"context": context_length, "seed": seed, "thinking": thinking, "system": system, "keep": keep}
    chosen = choose_settings(with_own(context, {**own, **asked}))
    settings = chosen.settings
    fetch_if_missing(settings, yes=yes)
    from dgchat.batch.job import BatchJob  # only this command needs it, and it brings rich
    from dgchat.batch.run import run_batch

    job = BatchJob(source, output, format_, column, size, again)

    def load(loading: Loading) -> Engine:  # once the rows are read, for it may start a keeper
        return kept_loader_for(settings, chosen.origins, yes=yes, batch=size)(loading)

    return run_batch(job, settings, load, sys.stdin, sys.stdout, sys.stderr)


def view(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="What --jsonl wrote; - reads standard input.")
    ],
) -> int:
    """Show a stream of --jsonl as its answer is written: ssh HOST dgchat -p TEXT --jsonl | dgchat view -"""
    settings = load_settings(with_own(context, {}))
    from dgchat.one_shot.view import run_view  # only this command needs it

    return run_view(source, settings, sys.stdin, sys.stdout, sys.stderr)


def schema() -> int:
    """Print the JSON Schema of a line of --jsonl."""
    from dgchat.stream.schema import SCHEMA  # only this command needs it

    sys.stdout.write(f"{dumps(SCHEMA, indent=2)}\n")
    return 0


def ps(json: Annotated[bool, typer.Option("--json", help="Print one JSON array instead.")] = False) -> int:
    """List the models that --keep keeps loaded."""
    from dgchat.keep.listing import run_ps  # only this command needs it

    return run_ps(sys.stdout, json_wanted=json)


def stop(
    pid: Annotated[int | None, typer.Argument(metavar="PID", help="Which; left out: all.")] = None,
) -> int:
    """End a process that keeps a model, as dgchat ps lists them."""
    from dgchat.keep.listing import run_stop  # only this command needs it

    return run_stop(pid, sys.stderr)


def doctor(context: typer.Context, model: Model = None, device: Device = None, json: Json = False) -> int:
    """Say what this machine offers and what dgchat makes of it: what a bug report needs, and no secrets."""
    from dgchat.doctor.report import run_doctor  # only this command needs it

    flags = with_own(context, {"model": model, "device": device})
    try:
        return run_doctor(choose_settings(flags), sys.stdout, json=json)
    except SettingsError as error:  # broken settings are a finding too
        return run_doctor(ChosenSettings.defaults(), sys.stdout, json=json, found=[error])


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"],
        typer.Argument(metavar="bash|zsh|fish", help="The shell that is to complete."),
    ],
) -> int:
    """Print what makes a shell complete dgchat: source <(dgchat completion bash)"""
    sys.stdout.write(script_for(shell))
    return 0


def man(context: typer.Context) -> int:
    """Print the manual page: dgchat man > dgchat.1"""
    from dgchat.man_page import man_page  # only this command needs it

    sys.stdout.write(man_page(context.find_root().command))
    return 0
