"""One thing that the doctor has found out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dgchat.errors import DgchatError
from dgchat.settings import ChosenSettings


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    """What it is about: the first column, and the key of `--json`."""
    words: str
    """In words, for a person."""
    value: object
    """The same in JSON's types."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, told where it was found."""

    error: DgchatError


Finding = Fact | Problem
Section = Callable[[ChosenSettings], Iterator[Finding]]
"""Finds out things of one kind; a DgchatError that it raises is its last finding."""


def without_home(text: str) -> str:
    """The text with the reader's home folder as ~: a report is to be shown to others."""
    home = str(Path.home())
    return re.sub(rf"(?<![\w.~-]){re.escape(home)}(?![\w.-])", "~", text) if len(home) > 1 else text
