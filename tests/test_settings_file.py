"""One setting changes, and everything else in config.toml stays as it was written."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from dgchat.errors import SettingsError
from dgchat.paths import config_file
from dgchat.settings import load_settings
from dgchat.settings_file import save_setting

WRITTEN = """\
# my settings
theme = "tide"   # like the sea

  steps = 16
system = \"\"\"
Be brief. # not a comment
theme = 'no'
\"\"\"

# about keys
[keys]
help = "f3"
theme = "alt+t"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_bytes(WRITTEN.encode())
    return file


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("theme", "paper", 'theme = "tide"   # like', 'theme = "paper"   # like'),
        ("theme", 'a "#" b', '"tide"', r'"a \"#\" b"'),
        ("theme", None, 'theme = "tide"   # like the sea\n', ""),
        ("steps", 8, "  steps = 16", "  steps = 8"),
        (
            "system",
            "One\nline",
            '"""\nBe brief. # not a comment\ntheme = \'no\'\n"""',
            r'"One\nline"',
        ),
        ("bell", True, "\n\n# about keys", "\nbell = true\n\n# about keys"),
        ("t_max", 0.85, "\n\n# about keys", "\nt_max = 0.85\n\n# about keys"),
        ("seed", None, "steps", "steps"),
    ],
)
def test_only_the_line_of_the_setting_changes(path, name, value, old, new):
    save_setting(path, name, value)
    assert path.read_text() == WRITTEN.replace(old, new, 1)


@pytest.mark.parametrize("text", ["", "# only a comment", "steps = 3", "\ufeff", "[keys]\nhelp = 'f3'\n"])
def test_a_file_of_any_beginning_takes_a_new_setting(path, text):
    path.write_text(text)
    if text == "\ufeff":
        with pytest.raises(SettingsError, match="was not changed"):
            save_setting(path, "fps", 12)
        assert path.read_text() == text
        return
    save_setting(path, "fps", 12)
    assert tomllib.loads(path.read_text()) == {"fps": 12} | tomllib.loads(text)
    assert path.read_text().replace("fps = 12\n", "").strip() == text.strip()


def test_line_ends_and_permissions_stay(path):
    path.write_bytes(WRITTEN.replace("\n", "\r\n").encode())
    path.chmod(0o600)
    save_setting(path, "motion", "calm")
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n") == WRITTEN.count("\n") + 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(path, tmp_path):
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    save_setting(link, "steps", 4)
    assert link.is_symlink()
    assert tomllib.loads(path.read_text())["steps"] == 4


def test_a_broken_file_is_left_alone(path):
    path.write_text("steps = = 4\n")
    with pytest.raises(SettingsError, match="set fps there yourself"):
        save_setting(path, "fps", 12)
    assert path.read_text() == "steps = = 4\n"


def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        save_setting(path, "fps", 12)
    assert path.read_text() == WRITTEN
    assert list(path.parent.glob("config.toml*")) == [path]


@pytest.mark.parametrize("text", ['say "hi"', "tab\tnew\nline", "\x7f\x1b\u202e", "back\\slash", "日本"])
def test_what_was_saved_is_what_is_read(text):
    save_setting(config_file(), "system", text)
    assert load_settings({}).system == text
