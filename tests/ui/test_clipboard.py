"""Copying by escape sequence, bare and through multiplexers."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from dgchat.errors import DgchatError
from dgchat.ui.clipboard import MAX_COPY_BYTES, MAX_SEQUENCE_BYTES, copy_sequence
from dgchat.ui.terminal import Multiplexer, Terminal


def copied(sequence: str) -> str:
    found = re.search(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", sequence)
    return b64decode(found[1]).decode()


def test_a_terminal_is_told_the_text_in_one_sequence():
    assert copied(copy_sequence("naïve\n\x1b🦊", Multiplexer.NONE)) == "naïve\n\x1b🦊"


def test_tmux_is_told_itself_and_passes_it_on():
    sequence = copy_sequence("tide", Multiplexer.TMUX)
    bare, passed = re.fullmatch(r"(\x1b\]52[^\x1b]*)\x1bPtmux;(.*)\x1b\\", sequence).groups()
    assert copied(bare) == copied(passed.replace("\x1b\x1b", "\x1b")) == "tide"


def test_screen_passes_it_on_in_short_strings():
    sequence = copy_sequence("moon " * 300, Multiplexer.SCREEN)
    chunks = re.findall(r"\x1bP(.*?)\x1b\\", sequence)
    assert "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks) == sequence
    assert max(map(len, chunks)) <= 76
    assert copied("".join(chunks)) == "moon " * 300


def test_what_common_terminals_would_drop_is_refused_with_both_numbers():
    assert len(copy_sequence("x" * MAX_COPY_BYTES, Multiplexer.NONE)) <= MAX_SEQUENCE_BYTES
    with pytest.raises(DgchatError, match=r"74,99\d bytes are too many .* takes 74,994"):
        copy_sequence("x" * (MAX_COPY_BYTES + 1), Multiplexer.NONE)


def test_half_characters_do_not_stop_a_copy():
    assert copied(copy_sequence("a\udcffb", Multiplexer.NONE)) == "a?b"


def test_the_environment_names_multiplexer_and_editor():
    terminal = Terminal.from_environment
    assert terminal({"TMUX": "/tmp/x,1,0", "STY": "1"}).multiplexer is Multiplexer.TMUX
    assert terminal({"STY": "12.pts"}).multiplexer is Multiplexer.SCREEN
    assert terminal({}).multiplexer is Multiplexer.NONE
    assert terminal({"EDITOR": "ed", "VISUAL": "vi -f"}).editor == "vi -f"
    assert terminal({"EDITOR": "ed", "VISUAL": ""}).editor == "ed"
