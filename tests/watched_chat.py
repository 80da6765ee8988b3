"""The chat in a process of its own at a real pseudo-terminal, and every byte it writes with its time.

As a program it is that process: `python watched_chat.py SCRIPT`, where SCRIPT is JSON. In the end it tells, in the
file that SCRIPT names, when each frame was drawn and what processor time had been used by then.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic, process_time, sleep

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60.0
PROBE_SECONDS = 0.005
"""How often the event loop is asked whether it is there."""


@dataclass(frozen=True)
class Figures:
    """What the process told of itself; times are of `monotonic`, which all processes share."""

    frames: list[tuple[float, float]]
    """Time and used processor seconds at each drawn step."""
    gaps: list[float]
    """Seconds for which the event loop did not answer; measured with `probe` alone, which costs time itself."""
    stopped: list[float]
    """When the engine saw that it was to stop."""

    @property
    def cpu_ms_per_frame(self) -> float:
        """Processor milliseconds of the whole process, engine included, from frame to frame."""
        (_, first), (_, last) = self.frames[0], self.frames[-1]
        return 1000 * (last - first) / (len(self.frames) - 1)


class WatchedChat:
    """The chat at a pseudo-terminal; a reader in a thread takes what it writes, at most at its rate."""

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
        self._rate = bytes_per_second
        self.child, self.fileno = pty.fork()
        if self.child == 0:
            self._become(size, environment or {}, {**script, "told": str(self._told)})
        fcntl.ioctl(self.fileno, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.chunks: list[tuple[float, bytes]] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def press(self, keys: str) -> float:
        """Type; returns when."""
        os.write(self.fileno, keys.encode())
        return monotonic()

    def wait_for(self, text: str, since: float = 0.0) -> float:
        """When the text had been read, of what came after `since`; fails if it never comes."""
        deadline = monotonic() + PATIENCE_SECONDS
        while monotonic() < deadline:
            seen = b""
            for at, data in list(self.chunks):
                seen += data if at >= since else b""
                if text.encode() in seen:
                    return at
            sleep(0.01)
        raise AssertionError(f"{text!r} was never written")

    def bytes_between(self, begin: float, end: float) -> int:
        """Bytes that were read in that time."""
        return sum(len(data) for at, data in self.chunks if begin <= at <= end)

    def leave(self) -> Figures:
        """Quit, and read what the process tells of itself."""
        self._rate = None
        self.press("\x11")
        deadline = monotonic() + PATIENCE_SECONDS
        while not os.waitpid(self.child, os.WNOHANG)[0]:
            if monotonic() > deadline:
                os.kill(self.child, signal.SIGKILL)
                raise AssertionError("it never ended")
            sleep(0.02)
        return Figures(**json.loads(self._told.read_text(encoding="utf-8")))

    def _become(self, size: tuple[int, int], environment: Mapping[str, str], script: object) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
        paths = os.pathsep.join(str(ROOT / folder) for folder in (".", "kernels", "tests"))
        defaults = {"PYTHONPATH": paths, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        command = [sys.executable, __file__, json.dumps(script)]
        os.execve(sys.executable, command, {**inherited, **defaults, **environment})

    def _read(self) -> None:
        read, began = 0, monotonic()
        while True:
            if not select.select([self.fileno], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.fileno, 65536 if self._rate is None else 512)
            except OSError:
                return
            if not data:
                return
            self.chunks.append((monotonic(), data))
            if self._rate is None:
                read, began = 0, monotonic()
                continue
            read += len(data)
            now = monotonic()
            began = max(began, now - read / self._rate)  # a rate that was not used is lost
            sleep(max(0.0, began + read / self._rate - now))


def main(script: dict[str, object]) -> int:
    """Be the chat, and tell how it went."""
    from dgchat.settings import Settings
    from dgchat.ui import run
    from dgchat.ui.widgets.live_canvas import LiveCanvas

    told = Path(str(script.pop("told")))
    settings = Settings(**script.pop("settings", {}))
    frames: list[tuple[float, float]] = []
    gaps: list[float] = []
    advance = LiveCanvas.advance

    def watched_advance(self, steps, now):
        frames.append((monotonic(), process_time()))
        advance(self, steps, now)

    async def start_probe(self) -> None:
        self.probe = asyncio.create_task(_probe(gaps))

    LiveCanvas.advance = watched_advance
    if script.pop("probe", False):
        run.DgchatApp.on_load = start_probe
    engine, load = _engine(script)
    code = run.run_app(settings, load)
    stopped = getattr(engine, "stopped_after", [])
    told.write_text(json.dumps({"frames": frames, "gaps": gaps, "stopped": stopped}), encoding="utf-8")
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
