"""What the bundled model says about dgchat's own commands is true."""

from __future__ import annotations

import re

from dgchat.session.commands import COMMANDS
from dgchat.training.corpus.entries import load_entries

NAMES = {command.name for command in COMMANDS}
MENTION = re.compile(r"(?<![\w./])/([a-z]+)\b")


def test_every_command_that_the_model_names_exists():
    for entry in load_entries():
        for name in MENTION.findall(entry.answer):
            assert name in NAMES, entry.id


def test_every_command_is_explained():
    explained = {
        name
        for entry in load_entries()
        for text in (entry.answer, *entry.ask)
        for name in MENTION.findall(text)
    }
    assert explained >= NAMES
