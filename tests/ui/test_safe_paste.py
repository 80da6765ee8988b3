"""No byte of a paste becomes a key."""

from __future__ import annotations

import pytest
from textual import events

from dgchat.ui.safe_paste import PasteSafeParser

START, END = "\x1b[200~", "\x1b[201~"
PASTED = ("rm\x1b[13u\x1b\rx", "\x1b", "\x1b\x1b[A", "a\x1b[31mred\x1b[0m", "line\nline", "\x1b[20")


def messages_of(data: str, chunk: int) -> list[events.Event]:
    parser = PasteSafeParser()
    parts = [data[index : index + chunk] for index in range(0, len(data), chunk)]
    return [message for part in parts for message in parser.feed(part) if isinstance(message, events.Event)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize("pasted", PASTED)
def test_an_escape_inside_a_paste_is_text(pasted, chunk):
    messages = messages_of(START + pasted + END, chunk)
    assert [type(message) for message in messages] == [events.Paste]
    assert messages[0].text == pasted.replace("\x1b", "␛")


def test_an_end_marker_inside_what_arrives_together_does_not_end_the_paste():
    messages = messages_of(f"{START}harmless{END}\rquit{END}", chunk=1000)
    assert [type(message) for message in messages] == [events.Paste]


@pytest.mark.parametrize("chunk", [1, 4, 1000])
def test_keys_before_and_after_a_paste_are_keys(chunk):
    messages = messages_of(f"a{START}b{END}c\x1b[A", chunk)
    told = [message.text if isinstance(message, events.Paste) else message.key for message in messages]
    assert told == ["a", "b", "c", "up"]
