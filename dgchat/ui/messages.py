"""What the engine's thread tells the screen: transitions only, never steps."""

from __future__ import annotations

from textual.message import Message

from dgchat.engine.events import EngineInfo, Event
from dgchat.errors import DgchatError
from dgchat.session.turn import Turn


class ModelLoaded(Message):
    """The engine can answer."""

    def __init__(self, info: EngineInfo, seconds: float) -> None:
        super().__init__()
        self.info = info
        self.seconds = seconds


class ModelFailed(Message):
    """There is no engine."""

    def __init__(self, error: DgchatError) -> None:
        super().__init__()
        self.error = error


class TurnMoved(Message):
    """A turn has been prefilled, has begun a canvas, or has finished one."""

    def __init__(self, turn: Turn, event: Event) -> None:
        super().__init__()
        self.turn = turn
        self.event = event


class TurnEnded(Message):
    """The engine is done with a turn: it has an answer, a draft or an error."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.turn = turn
