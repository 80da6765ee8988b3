"""`dgchat doctor`: what this machine offers, and what dgchat makes of it and why."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dgchat import __version__
from dgchat.errors import DgchatError
from dgchat.paths import cache_dir, config_file, data_dir, theme_dirs
from dgchat.safe_text import visible
from dgchat.settings import Settings
from dgchat.ui.terminal import Terminal

if TYPE_CHECKING:
    from dgchat.checkpoint import Checkpoint

PACKAGES = ("torch", "textual", "tokenizers", "safetensors", "jinja2", "huggingface_hub", "triton")

MAX_ESCAPE_MILLISECONDS = 50
"""A longer tmux escape-time makes esc feel stuck."""

_WIDTH = 10
Row = tuple[str, str]
Section = Callable[[Settings], Iterator[Row]]


def run_doctor(settings: Settings, out: TextIO) -> int:
    """Write the report to `out`; the exit code is that of the first problem found."""
    exit_code = 0
    for section in (_program, _device, _model, _places, _terminal):
        try:
            for name, words in section(settings):
                _write(out, name, words)
        except DgchatError as error:
            _write(out, "problem", str(error))
            exit_code = exit_code or error.exit_code
    return exit_code


def _write(out: TextIO, name: str, words: str) -> None:
    out.write(f"{name:<{_WIDTH}} {visible(words, newlines=False)}\n")


def _program(_settings: Settings) -> Iterator[Row]:
    yield "dgchat", __version__
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _device(settings: Settings) -> Iterator[Row]:
    import torch  # takes seconds, and the lines above need not wait for it

    from dgchat.engine.device import choose_device, leave_a_core_free
    from dgchat_kernels import select

    chosen = torch.device(choose_device(settings.device))
    leave_a_core_free()  # as the engine does before it computes
    yield "device", f"{chosen.type} (asked for: {settings.device}), {_capacity(chosen.type)}"
    yield "ops", select(chosen)[1]


def _capacity(kind: str) -> str:
    import torch  # imported already by the caller

    if kind == "cuda":
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return f"{name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free, CUDA {torch.version.cuda}"
    return f"{torch.get_num_threads()} of {os.cpu_count()} cores"


def _model(settings: Settings) -> Iterator[Row]:
    from dgchat.checkpoint import open_checkpoint  # brings torch
    from dgchat.checkpoint.plan import MemoryPlanner, choose_plan
    from dgchat.engine.device import choose_device, free_memory
    from dgchat.engine.model_choice import choose_model

    choice = choose_model(settings.model, settings.device)
    yield "model", f"{settings.model or choice.reason or 'the bundled model'}, in {choice.folder}"
    checkpoint = choice.opened or open_checkpoint(choice.folder)
    yield from _sizes(checkpoint)
    device = choose_device(settings.device)
    available = free_memory(device)
    plan = choose_plan(MemoryPlanner.of(checkpoint, device), choice.name, available, settings.context)
    yield "memory", plan.beside(available)


def _sizes(checkpoint: Checkpoint) -> Iterator[Row]:
    config = checkpoint.config
    kinds = [str(checkpoint.dtype).removeprefix("torch.")]
    if checkpoint.quantisation != "none":
        kinds.append(checkpoint.quantisation)
    yield (
        "",
        (
            f"{len(config.layers)} layers, hidden {config.hidden_size}, vocabulary {config.vocab_size}, "
            f"canvas {config.canvas_length} tokens, stored as {' and '.join(kinds)}"
        ),
    )


def _places(_settings: Settings) -> Iterator[Row]:
    yield "settings", f"{config_file()}{'' if config_file().is_file() else ' (not there: the defaults hold)'}"
    for folder in theme_dirs():
        yield "themes", f"{folder} ({_count_themes(folder)})"
    yield "data", str(data_dir())
    yield "cache", str(cache_dir())


def _count_themes(folder: Path) -> str:
    names = sorted(file.stem for file in folder.glob("*.toml"))
    return ", ".join(names) or "none"


def _terminal(_settings: Settings) -> Iterator[Row]:
    terminal = Terminal.from_environment(os.environ)
    size = shutil.get_terminal_size()
    named = ", ".join(f"{name}={os.environ[name]}" for name in ("TERM", "COLORTERM") if name in os.environ)
    traits = [
        f"{size.columns} × {size.lines}",
        f"encoding {sys.stdout.encoding}",
        *(["cannot move its cursor: lines only"] if terminal.is_dumb else []),
        *(["over SSH: 10 frames per second"] if terminal.is_remote else []),
        *(["NO_COLOR"] if os.environ.get("NO_COLOR") else []),
    ]
    yield "terminal", f"{named or 'TERM is not set'}; {', '.join(traits)}"
    if "TMUX" in os.environ:
        yield "tmux", _tmux()


def _tmux() -> str:
    command = ["tmux", "show-options", "-sv", "escape-time"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)
        milliseconds = int(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return "escape-time unknown: tmux does not answer"
    words = f"escape-time {milliseconds} ms"
    if milliseconds > MAX_ESCAPE_MILLISECONDS:
        return f"{words}: esc waits that long; put `set -sg escape-time 10` into ~/.tmux.conf"
    return words
