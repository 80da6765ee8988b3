"""What importing brings along, and what no module may bring."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

POSIX_ONLY = {
    "curses",
    "fcntl",
    "grp",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "syslog",
    "termios",
    "tty",
}


def modules_after(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter that has run the statement."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import dgchat",
        "import dgchat.cli",
        "import dgchat.api",
        "import dgchat.engine.events",
        "import dgchat.hub.download, dgchat.model_commands.pull",
        "import dgchat.session.session",
        "import dgchat.one_shot.run",
        "import dgchat.replay.command",
        "import dgchat.batch.run",
    ],
)
def test_light_modules_load_neither_torch_nor_textual(statement: str) -> None:
    assert not modules_after(statement) & {"torch", "textual", "numpy", "transformers"}


@pytest.mark.parametrize("arguments", [["--help"], ["models", "--help"], ["models", "pull", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = modules_after(f"from dgchat.cli import run\nassert run({arguments}) == 0")
    assert not loaded & {"torch", "textual", "rich", "huggingface_hub"}


def test_the_kernels_load_neither_dgchat_nor_triton() -> None:
    assert not modules_after("import dgchat_kernels") & {"dgchat", "triton"}


def test_the_engine_never_loads_a_user_interface() -> None:
    loaded = modules_after("import dgchat.engine.engine, dgchat.checkpoint, dgchat.training")
    assert not loaded & {"textual", "rich", "typer", "transformers"}


def test_help_costs_less_than_half_a_second_of_computing() -> None:
    code = "from dgchat.cli import run\nimport time\nrun(['--help'])\nprint(time.process_time())"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        for _ in range(3)
    ]
    assert min(float(done.stdout.split()[-1]) for done in runs) < 0.5


def test_the_library_face_is_found_at_the_top_of_the_package() -> None:
    import dgchat
    from dgchat.api import DiffusionGemmaModel

    assert dgchat.DiffusionGemmaModel is DiffusionGemmaModel
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = dgchat.nothing_of_the_kind


def test_at_most_one_module_imports_what_only_posix_has() -> None:
    importers = {
        str(file.relative_to(ROOT))
        for folder in ("dgchat", "kernels")
        for file in (ROOT / folder).rglob("*.py")
        if _imported(file) & POSIX_ONLY
    }
    assert len(importers) <= 1, importers


def _imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names
