"""The themes there are, read again when a file of theirs has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dgchat.errors import SettingsError
from dgchat.ui.theme import ChatTheme, read_theme


class ThemeShelf:
    """Holds the themes of some folders, later ones winning; a file that became wrong keeps its old theme."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._stamp = self._look()
        self._of_files: dict[Path, ChatTheme] = {}
        self.failed: list[SettingsError] = []
        self.themes = self._read()

    def reload(self) -> tuple[list[ChatTheme], list[SettingsError]] | None:
        """What is new since the last look, themes and errors; None if no file has changed."""
        stamp = self._look()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        told = {str(error) for error in self.failed}
        before, self.themes = self.themes, self._read()
        changed = [theme for name, theme in self.themes.items() if before.get(name) != theme]
        return changed, [error for error in self.failed if str(error) not in told]

    def _read(self) -> dict[str, ChatTheme]:
        before, self._of_files, self.failed = self._of_files, {}, []
        for path in self._files():
            try:
                self._of_files[path] = read_theme(path)
            except SettingsError as error:
                self.failed.append(error)
                if path in before:
                    self._of_files[path] = before[path]
        return {theme.name: theme for theme in self._of_files.values()}

    def _files(self) -> Iterator[Path]:
        for folder in self._folders:
            if folder.is_dir():
                yield from sorted(folder.glob("*.toml"))

    def _look(self) -> frozenset[tuple[Path, int, int]]:
        """Names, times and sizes of the files: what a change cannot leave alone."""
        stamps: set[tuple[Path, int, int]] = set()
        for path in self._files():
            try:
                status = path.stat()
            except OSError:
                continue
            stamps.add((path, status.st_mtime_ns, status.st_size))
        return frozenset(stamps)
