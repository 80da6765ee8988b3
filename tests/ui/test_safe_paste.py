"""No byte of a paste becomes a key, alt+enter is one, and no byte ends the reading."""

from __future__ import annotations

import os
import sys
from functools import partial
from types import SimpleNamespace

import pytest
from textual import events
from textual.message import Message

from dgchat.ui.safe_paste import PasteSafeParser, install_safe_paste

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


def keys_of(messages: list[Message]) -> list[str]:
    return [message.key for message in messages if isinstance(message, events.Key)]


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("\x1b\r", ["alt+enter"]),
        ("a\x1b\rb\r", ["a", "alt+enter", "b", "enter"]),
        ("\x1b\x1b\r", ["escape", "alt+enter"]),
        (f"\x1b\r{START}x{END}\x1b\r", ["alt+enter", "alt+enter"]),
    ],
)
def test_escape_and_return_together_are_alt_enter(data, keys):
    assert keys_of(list(PasteSafeParser().feed(data))) == keys


def test_escape_and_a_later_return_are_two_keys(monkeypatch):
    parser, now = PasteSafeParser(), 0.0
    monkeypatch.setattr("textual._parser.get_time", lambda: now)
    pressed = list(parser.feed("\x1b"))
    now = 1.0
    pressed += list(parser.tick())
    pressed += list(parser.feed("\r"))
    assert keys_of(pressed) == ["escape", "enter"]


def test_a_return_read_right_after_an_escape_is_no_alt_enter(monkeypatch):
    parser, now = PasteSafeParser(), 0.0
    monkeypatch.setattr("textual._parser.get_time", lambda: now)
    pressed = [*parser.feed("\x1b"), *parser.feed("\r")]
    now = 1.0
    assert "alt+enter" not in keys_of([*pressed, *parser.tick()])


@pytest.mark.skipif(sys.platform == "win32", reason="the driver that decodes bytes is the POSIX one")
def test_bytes_that_are_no_utf_8_do_not_end_the_reading(monkeypatch):
    from textual.drivers import linux_driver

    for name in ("XTermParser", "getincrementaldecoder"):
        monkeypatch.setattr(linux_driver, name, getattr(linux_driver, name))
    install_safe_paste()
    reads, writes = os.pipe()
    os.write(writes, b"a\xff\xc3\xa4\x1b[200~x\xfey\x1b[201~z")
    messages: list[Message] = []
    after_one_read = SimpleNamespace(is_set=partial(next, iter([False, True])))
    driver = SimpleNamespace(
        fileno=reads, exit_event=after_one_read, _debug=False, process_message=messages.append
    )
    linux_driver.LinuxDriver.run_input_thread(driver)
    os.close(reads)
    os.close(writes)
    told = [message.text if isinstance(message, events.Paste) else message.character for message in messages]
    assert told == ["a", "\ufffd", "ä", "x\ufffdy", "z"]
