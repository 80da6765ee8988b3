"""The chat in a process of its own at a real pseudo-terminal, and every byte it writes with its time.

As a program it is that process: `python watched_chat.py SCRIPT`, where SCRIPT is JSON. In the end it tells,
in the file that SCRIPT names, when each frame was drawn and what processor time had been used by then.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, process_time

from pty_process import PtyProcess

PROBE_SECONDS = 0.005
"""How often the event loop is asked whether it is there."""


@dataclass(frozen=True)
class Figures:
    """What the process told of itself; times are of `monotonic`, which all processes share."""

    frames: list[tuple[float, float]]
    """Time and used processor seconds at each drawn step."""
    gaps: list[float]
    """Seconds for which the event loop did not answer; with `probe` alone, which costs time itself."""
    stopped: list[float]
    """When the engine saw that it was to stop."""
    layouts: list[tuple[float, tuple[int, int]]]
    """When a screen was laid out, and in which size."""

    @property
    def cpu_ms_per_frame(self) -> float:
        """Processor milliseconds of the whole process, engine included, from frame to frame."""
        (_, first), (_, last) = self.frames[0], self.frames[-1]
        return 1000 * (last - first) / (len(self.frames) - 1)


class WatchedChat(PtyProcess):
    """The chat at a pseudo-terminal, with a script that says what answers and how slowly."""

    def __init__(
        self,
        folder: Path,
        *,
        size: tuple[int, int] = (96, 32),
        bytes_per_second: int | None = None,
        environment: Mapping[str, str] | None = None,
        **script: object,
    ) -> None:
        self._told = folder / "figures.json"
        command = [sys.executable, __file__, json.dumps({**script, "told": str(self._told)})]
        super().__init__(command, size=size, bytes_per_second=bytes_per_second, environment=environment)

    def leave(self) -> Figures:
        """Quit, and read what the process tells of itself."""
        self.bytes_per_second = None
        self.press("\x11")
        self.exit_code()
        return Figures(**json.loads(self._told.read_text(encoding="utf-8")))


def main(script: dict[str, object]) -> int:
    """Be the chat, and tell how it went."""
    from textual._compositor import Compositor

    from dgchat.settings import Settings
    from dgchat.ui import run
    from dgchat.ui.widgets.live_canvas import LiveCanvas

    told = Path(str(script.pop("told")))
    settings = Settings(**script.pop("settings", {}))
    frames: list[tuple[float, float]] = []
    gaps: list[float] = []
    layouts: list[tuple[float, tuple[int, int]]] = []
    advance, lay_out = LiveCanvas.advance, Compositor.reflow

    def watched_advance(self, steps, now):
        frames.append((monotonic(), process_time()))
        advance(self, steps, now)

    def watched_layout(self, parent, size):
        layouts.append((monotonic(), tuple(size)))
        return lay_out(self, parent, size)

    async def start_probe(self) -> None:
        self.probe = asyncio.create_task(_probe(gaps))

    LiveCanvas.advance, Compositor.reflow = watched_advance, watched_layout
    if script.pop("probe", False):
        run.DgchatApp.on_load = start_probe
    engine, load = _engine(script)
    code = run.run_app(settings, load)
    stopped = getattr(engine, "stopped_after", [])
    figures = Figures(frames, gaps, stopped, layouts)
    told.write_text(json.dumps(asdict(figures)), encoding="utf-8")
    return code


def _engine(script: dict[str, object]):
    if script.get("bundled"):
        from dgchat.api import load_engine

        return None, lambda loading: load_engine(device="cpu")
    from made_up_trace import made_up_trace
    from replaying_engine import ReplayingEngine

    canvases = [made_up_trace(canvas_index=index) for index in range(int(script.get("canvases", 1)))]
    engine = ReplayingEngine(canvases, float(script["step_seconds"]))
    return engine, lambda loading: engine


async def _probe(gaps: list[float]) -> None:
    while True:
        asked = monotonic()
        await asyncio.sleep(PROBE_SECONDS)
        gaps.append(monotonic() - asked - PROBE_SECONDS)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
