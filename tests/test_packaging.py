"""What is in the wheel, and what must never be in the tree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import dgchat

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=True)
    return zipfile.ZipFile(next(folder.glob("dgchat-*.whl")))


@pytest.mark.parametrize(
    "name",
    [
        "dgchat/themes/ember.toml",
        "dgchat/ui/screens/chat.tcss",
        "dgchat/py.typed",
        "dgchat_kernels/reference.py",
        "dgchat_kernels/py.typed",
        "dgchat/hub/diffusiongemma-26B-A4B-it.json",
        "dgchat/assets/nano/config.json",
        "dgchat/assets/nano/generation_config.json",
        "dgchat/assets/nano/model.safetensors",
        "dgchat/assets/nano/tokenizer.json",
        "dgchat/assets/nano/chat_template.jinja",
    ],
)
def test_the_wheel_holds(wheel: zipfile.ZipFile, name: str) -> None:
    assert name in wheel.namelist()


def test_the_wheel_holds_two_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {"dgchat", "dgchat_kernels", f"dgchat-{dgchat.__version__}.dist-info"}


def test_the_wheel_carries_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    info = f"dgchat-{dgchat.__version__}.dist-info"
    assert "Apache License" in wheel.read(f"{info}/licenses/LICENSE").decode()
    assert "dgchat = dgchat.__main__:main" in wheel.read(f"{info}/entry_points.txt").decode()


@pytest.mark.parametrize("folder", ["kernels", "themes", "tests", "screenshots"])
def test_a_folder_that_is_no_package_stays_none(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def test_torch_stays_within_the_versions_it_was_tried_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "torch>=2.9,<2.14" in project["dependencies"]
    assert "textual>=8.2,<9" in project["dependencies"]


def test_the_readme_fits_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    targets = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text)
    local = {target for pair in targets for target in pair if target and "://" not in target}
    assert all((ROOT / target).exists() for target in local), local


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named), named
