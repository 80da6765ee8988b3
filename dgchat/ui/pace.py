"""How answers are shown being written: motion, frame rate and trail, decided once."""

from __future__ import annotations

from dataclasses import dataclass

from dgchat.settings import Settings

LOCAL_FRAMES_PER_SECOND = 20
REMOTE_FRAMES_PER_SECOND = 10
REMOTE_BYTES_PER_SECOND = 26_000
"""What an animation takes of an ssh connection; with a last frame on top no second has more than 30 KB."""

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
    bytes_per_second: int | None = None
    """Most bytes that frames take of the line; None: no limit."""
    shows_raw_noise: bool = False
    """Whether unknown tokens show their text in place of noise glyphs."""

    @classmethod
    def of(cls, settings: Settings, over_ssh: bool) -> Pace:
        """What the settings ask for and the connection can take."""
        usual = REMOTE_FRAMES_PER_SECOND if over_ssh else LOCAL_FRAMES_PER_SECOND
        frames = float(settings.fps or usual)
        is_calm = settings.motion == "calm"
        return cls(
            is_moving=settings.motion != "off",
            frames_per_second=min(frames, CALM_FRAMES_PER_SECOND) if is_calm else frames,
            is_trailing=settings.pace == "trail" and not is_calm,
            is_calm=settings.motion != "full",
            bytes_per_second=REMOTE_BYTES_PER_SECOND if over_ssh else None,
            shows_raw_noise=settings.raw_noise,
        )
