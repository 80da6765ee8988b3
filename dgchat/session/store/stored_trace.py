"""The trace of a stored answer, read when somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dgchat.engine.events import CanvasStep
from dgchat.engine.trace import Trace
from dgchat.errors import DgchatError


class StoredTrace(Trace):
    """Reads itself at the first look. One that cannot be read is empty, and `error` says why."""

    def __init__(self, read: Callable[[], Trace]) -> None:
        super().__init__()
        self._read: Callable[[], Trace] | None = read
        self.error: DgchatError | None = None

    def __len__(self) -> int:
        self._look()
        return super().__len__()

    def __getitem__(self, index: int) -> CanvasStep:
        self._look()
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[CanvasStep]:
        self._look()
        return super().__iter__()

    def canvas(self, canvas_index: int) -> list[CanvasStep]:
        self._look()
        return super().canvas(canvas_index)

    def _look(self) -> None:
        read, self._read = self._read, None
        if read is None:
            return
        try:
            for step in read():
                self.record(step)
        except DgchatError as error:
            self.error = error
