"""From settings and an engine loader to a running screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO, cast

from dgchat.crash import watch_threads
from dgchat.errors import StoreError, UsageError
from dgchat.paths import prompt_history_file, theme_dirs
from dgchat.safe_text import visible
from dgchat.session.history_file import HistoryFile
from dgchat.session.loading import EngineLoader
from dgchat.session.past import PastWanted, find_past
from dgchat.session.prompt_history import PromptHistory
from dgchat.session.session import Session
from dgchat.session.store.store import Store, store_path
from dgchat.session.turn import TurnSettings
from dgchat.settings import Origin, Settings, load_keys
from dgchat.ui.app import DgchatApp
from dgchat.ui.garbage import sparing_what_stays
from dgchat.ui.keys import Keymap
from dgchat.ui.look import Look
from dgchat.ui.plain import run_plain
from dgchat.ui.preferences import Preferences
from dgchat.ui.safe_paste import install_safe_paste
from dgchat.ui.terminal import Terminal
from dgchat.ui.theme_shelf import ThemeShelf


def run_app(
    settings: Settings,
    engine_loader: EngineLoader,
    origins: Mapping[str, Origin] | None = None,
    past: PastWanted | None = None,
) -> int:
    """Chat until the reader leaves; returns the exit code. UsageError without a terminal to chat in, or
    without the conversation to go on with.
    """
    terminal = Terminal.from_environment(os.environ)
    session = make_session(settings, sparing_what_stays(engine_loader))
    try:
        if past is not None:
            go_on_with(session, past)
        return _chat(settings, session, terminal, origins)
    finally:
        _close(session)


def go_on_with(session: Session, past: PastWanted) -> None:
    """Take up an earlier conversation; UsageError or StoreError if that cannot be done."""
    if session.store_error is not None:
        raise session.store_error
    if session.store is None:
        raise UsageError("There is nothing to go on with: conversations are not stored.", hint="--save")
    session.resume(*session.store.load(find_past(session.store, past).id))


def _chat(
    settings: Settings, session: Session, terminal: Terminal, origins: Mapping[str, Origin] | None
) -> int:
    if settings.plain or terminal.is_dumb:
        return run_plain(session, cast(TextIO, sys.stdin), cast(TextIO, sys.stdout))
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("The chat needs a terminal.", hint="use --prompt, or --plain for lines of text")
    install_safe_paste()
    app = make_app(settings, session, terminal, origins)
    watch_threads(lambda error: app.call_later(app.take_crash, error))
    try:
        app.run()
    finally:
        app.terminal_title.give_back(_write_now)
    session.cancel_loading()
    if app.crash is not None:
        raise app.crash
    return app.return_code or (session.load_error.exit_code if session.load_error else 0)


def make_app(
    settings: Settings, session: Session, terminal: Terminal, origins: Mapping[str, Origin] | None = None
) -> DgchatApp:
    """The application, in the colours, at the pace and with the keys that settings and terminal ask for."""
    shelf = ThemeShelf(theme_dirs())
    for error in shelf.failed:
        sys.stderr.write(f"{visible(str(error), newlines=False)}\n")
    look = Look(Preferences(settings, origins), shelf, terminal)
    return DgchatApp(session, look, Keymap.read(load_keys()), terminal)


def _write_now(sequence: str) -> None:
    sys.stderr.write(sequence)
    sys.stderr.flush()


def make_session(settings: Settings, engine_loader: EngineLoader) -> Session:
    """An empty conversation whose next turn is as the settings ask for, stored unless they say otherwise."""
    if not settings.save:
        return Session(engine_loader, TurnSettings.of(settings))
    history = PromptHistory(HistoryFile(prompt_history_file()))
    store, store_error = _open_store()
    session = Session(engine_loader, TurnSettings.of(settings), history, store)
    session.store_error = store_error
    return session


def _open_store() -> tuple[Store | None, StoreError | None]:
    try:
        return Store(store_path()), None
    except StoreError as error:
        return None, error


def _close(session: Session) -> None:
    """Write what is not yet on the disk, and say if that could not be done."""
    if unwritten := session.close():
        why = session.store.trouble if session.store else None
        told = f"{unwritten} changes of the conversation were not stored. {why or ''}"
        sys.stderr.write(f"dgchat: {visible(told.strip(), newlines=False)}\n")
