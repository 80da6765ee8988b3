"""Runs the session's slow work beside the screen.

A daemon thread rather than a textual worker: leaving must not wait for a model that is still loading, and the
workers' executor is joined at exit.
"""

from __future__ import annotations

from threading import Thread
from time import monotonic

from textual.widget import Widget

from dgchat.errors import DgchatError
from dgchat.session.session import Session
from dgchat.session.turn import Turn
from dgchat.ui.messages import ModelFailed, ModelLoaded, TurnEnded, TurnMoved


def start_loading(session: Session, screen: Widget) -> None:
    """Load the session's engine; the screen is told how it went."""

    def load() -> None:
        started = monotonic()
        try:
            info = session.load()
        except DgchatError as error:
            screen.post_message(ModelFailed(error))
        else:
            screen.post_message(ModelLoaded(info, monotonic() - started))

    Thread(target=load, name="dgchat-load", daemon=True).start()


def start_turn(session: Session, turn: Turn, screen: Widget) -> None:
    """Answer the turn; the screen is told of its transitions and of its end."""

    def run() -> None:
        session.run(turn, lambda event: screen.post_message(TurnMoved(turn, event)))
        screen.post_message(TurnEnded(turn))

    Thread(target=run, name="dgchat-engine", daemon=True).start()
