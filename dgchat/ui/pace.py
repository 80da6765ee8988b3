"""How answers are shown being written: motion, frame rate and trail, decided once."""

from __future__ import annotations

from dataclasses import dataclass

from dgchat.settings import Settings

LOCAL_FRAMES_PER_SECOND = 20
REMOTE_FRAMES_PER_SECOND = 10
CALM_FRAMES_PER_SECOND = 2


@dataclass(frozen=True, slots=True)
class Pace:
    is_moving: bool
    """Whether denoising is drawn at all; else a canvas is shown once it has settled."""
    frames_per_second: float
    """Most frames drawn in a second."""
    is_trailing: bool
    """Whether a fast engine's steps are shown one by one from the record."""
    is_calm: bool = False
    """Whether nothing may flash or run: what is new appears, and stays."""

    @classmethod
    def of(cls, settings: Settings, over_ssh: bool) -> Pace:
        """What the settings ask for and the connection can take."""
        usual = REMOTE_FRAMES_PER_SECOND if over_ssh else LOCAL_FRAMES_PER_SECOND
        frames = float(settings.fps or usual)
        if settings.motion == "calm":
            return cls(True, min(frames, CALM_FRAMES_PER_SECOND), False, True)
        return cls(settings.motion != "off", frames, settings.pace == "trail", settings.motion == "off")
