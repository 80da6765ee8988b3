"""What is to be refined, and by whom."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dgchat.engine.events import Engine, GenerationRequest

DEFAULT_NOISE_LEVEL = 0.5
"""Half of a draft is thought over where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Refining:
    canvases: tuple[tuple[int, ...], ...] = ()
    """Token ids of the draft, for the model that is loaded."""
    noise_level: float = DEFAULT_NOISE_LEVEL
    """0 returns the draft, 1 forgets it."""
    refine_pass: int = 1
    """Counts from 1 over the passes of one answer."""
    engine: Engine | None = None
    """Another engine that refines instead, and has the draft already."""

    def applied_to(self, request: GenerationRequest) -> GenerationRequest:
        """The request with the draft, if it is the loaded model that refines."""
        return replace(
            request,
            initial_canvas=self.canvases,
            noise_level=self.noise_level,
            refine_pass=self.refine_pass,
        )
