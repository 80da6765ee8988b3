"""The program, Python and the packages it stands on."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from dgchat import __version__
from dgchat.doctor.fact import Fact, Finding
from dgchat.settings import ChosenSettings

PACKAGES = (
    "torch",
    "triton",
    "textual",
    "tokenizers",
    "safetensors",
    "jinja2",
    "huggingface_hub",
    "httpx2",
    "typer",
)


def find_program(_chosen: ChosenSettings) -> Iterator[Finding]:
    """dgchat, python, packages."""
    yield Fact("dgchat", __version__, __version__)
    python = {
        "version": platform.python_version(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
    }
    words = f"{python['version']} on {python['system']} {python['release']} {python['machine']}"
    yield Fact("python", words, python)
    versions = {name: _version(name) for name in PACKAGES}
    told = (f"{name} {number or '(not installed)'}" for name, number in versions.items())
    yield Fact("packages", ", ".join(told), versions)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
