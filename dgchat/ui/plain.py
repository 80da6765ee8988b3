"""A chat in lines of text, for screen readers and for terminals that only print."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TextIO

from dgchat.engine.events import EngineInfo
from dgchat.errors import DgchatError
from dgchat.safe_text import visible
from dgchat.session.attachments import read_attachments
from dgchat.session.commands import parse_command
from dgchat.session.loading import LoadingLines
from dgchat.session.session import Session
from dgchat.ui.plain_answer import POLL_SECONDS, answer, say
from dgchat.ui.plain_commands import PlainCommands, recall


def run_plain(session: Session, reads: TextIO, writes: TextIO) -> int:
    """Ask and answer until the input ends or says /quit; returns the exit code. ctrl+c while it asks is a
    KeyboardInterrupt.
    """
    say(writes, "Loading the model.")
    try:
        info = _load(session, writes)
    except DgchatError as error:
        say(writes, f"Error: {error}")
        return error.exit_code
    say(
        writes, f"{info.model} on {info.device}. Write a line and press enter; /help says more, /quit leaves."
    )
    if info.choice:
        say(writes, visible(info.choice, newlines=False))
    _tell_trouble(session, writes)
    recall(session, writes)
    commands = PlainCommands(session, writes)
    while (line := _ask(reads, writes)) is not None:
        try:
            command = parse_command(line)
            if command is None:
                _ask_model(session, line, writes)
            elif command[0].name == "quit":
                break
            else:
                commands.run(command[0].name, command[1])
        except DgchatError as error:
            say(writes, f"Error: {visible(str(error), newlines=False)}")
    return 0


def _tell_trouble(session: Session, writes: TextIO) -> None:
    """What is wrong with the storage, now and later."""
    if session.store_error is not None:
        say(writes, f"Error: {session.store_error}")
    if session.store is not None:
        session.store.listen(lambda trouble: say(writes, f"Error: {trouble}") if trouble else None)


def _load(session: Session, writes: TextIO) -> EngineInfo:
    """Load the model, and say how far it is where that takes long; errors as for `Session.load`."""

    def load() -> None:
        with suppress(DgchatError):  # the session keeps it
            session.load()

    session.loading.on_plan = lambda plan: say(writes, plan)
    loader, lines = Thread(target=load, name="dgchat-load", daemon=True), LoadingLines(session.loading)
    loader.start()
    try:
        while loader.is_alive():
            loader.join(POLL_SECONDS)
            line = lines.next_line()
            if line is not None and loader.is_alive():
                say(writes, line)
    except KeyboardInterrupt:
        session.cancel_loading()
        raise
    if session.load_error is not None:
        raise session.load_error
    assert session.info is not None
    return session.info


def _ask(reads: TextIO, writes: TextIO) -> str | None:
    """The next line with something in it, as it was written; None at the end."""
    while True:
        writes.write("You: ")
        writes.flush()
        try:
            line = reads.readline()
        except KeyboardInterrupt:
            writes.write("\n")
            raise
        if line.strip() or not line:
            return line.rstrip("\n") or None


def _ask_model(session: Session, prompt: str, writes: TextIO) -> None:
    """Answer a prompt with the files that it mentions; a mention that names none is only text."""
    attachments, missing = read_attachments(prompt, Path.cwd())
    for name in missing:
        say(writes, f"@{name}: no file, sent as text.")
    answer(session, session.begin(prompt, attachments=attachments), writes)
