"""The themes there are, read again when a file of theirs has changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dgchat.errors import SettingsError
from dgchat.ui.theme import ChatTheme, load_themes

_Stamp = frozenset[tuple[Path, int, int]]


class ThemeShelf:
    """Holds the themes of some folders; a file that became wrong costs one notice, its old theme stays."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._stamp = self._look()
        self.themes, self.failed = load_themes(self._folders)

    def reload(self) -> tuple[list[ChatTheme], list[SettingsError]] | None:
        """What is new since the last look, themes and errors; None if no file has changed."""
        stamp = self._look()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        themes, failed = load_themes(self._folders)
        told = {str(error) for error in self.failed}
        changed = [theme for name, theme in themes.items() if self.themes.get(name) != theme]
        self.themes.update(themes)
        self.failed = failed
        return changed, [error for error in failed if str(error) not in told]

    def _look(self) -> _Stamp:
        """Names, times and sizes of the files: what a change cannot leave alone."""
        return frozenset(
            stamp for folder in self._folders for path in _files(folder) for stamp in _stat(path)
        )


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.glob("*.toml"))
    except OSError:
        return []


def _stat(path: Path) -> list[tuple[Path, int, int]]:
    try:
        status = path.stat()
    except OSError:
        return []
    return [(path, status.st_mtime_ns, status.st_size)]
