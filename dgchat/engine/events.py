"""The torch-free vocabulary that crosses the wall between the engine and whoever watches it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp, log
from typing import Protocol, runtime_checkable

from dgchat.errors import DgchatError

MAX_SEED = 2**63 - 1
"""The largest seed."""

DEFAULT_BATCH_SIZE = 8
"""Answers that are denoised together when nobody says otherwise."""

ENTROPY_FLOOR = 1e-6
"""Nats; the entropy that quantises to level 0."""

ENTROPY_CEILING = 12.5
"""Nats; just above ln(262144), the largest entropy any known checkpoint can have; level 255."""

ALTERNATIVES_PER_TOKEN = 5
"""How many of the most likely tokens are recorded at each position, if they are."""

_LEVELS_PER_NAPIER = 255 / log(ENTROPY_CEILING / ENTROPY_FLOOR)


def entropy_of_level(level: int) -> float:
    """Nats that the quantised byte `level` (0..255, logarithmic) stands for."""
    return ENTROPY_FLOOR * exp(level / _LEVELS_PER_NAPIER)


_NATS_OF_LEVEL = tuple(map(entropy_of_level, range(256)))


def level_of_entropy(nats: float) -> int:
    """The byte (0..255, logarithmic) that stands for an entropy in nats."""
    return round(_LEVELS_PER_NAPIER * log(min(max(nats, ENTROPY_FLOOR), ENTROPY_CEILING) / ENTROPY_FLOOR))


class FinishReason(StrEnum):
    """Why an answer ended."""

    END_OF_TURN = "end_of_turn"
    LENGTH = "length"
    CANCELLED = "cancelled"


class StopReason(StrEnum):
    """Why the denoising of one canvas ended."""

    STABLE = "stable"
    MAX_STEPS = "max_steps"
    CANCELLED = "cancelled"
    NOT_TOLD = "not_told"
    """It was denoised elsewhere."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: str
    """`system`, `user` or `assistant`."""
    text: str
    thought: str = ""
    """The thought channel of an assistant's turn; shown to people, left out of later prompts."""


@dataclass(frozen=True, slots=True)
class SamplerConfig:
    max_denoising_steps: int = 48
    """Most decoder passes spent on one canvas; the temperature schedule is stretched over them."""
    entropy_bound: float = 0.1
    """Nats of entropy that the accepted tokens of one step may sum to."""
    t_min: float = 0.4
    """Temperature that the schedule runs towards."""
    t_max: float = 0.8
    """Temperature of the first step."""
    stability_threshold: int = 1
    """A canvas is stable when this many earlier argmax canvases equal the present one."""
    confidence_threshold: float = 0.005
    """A canvas is confident when its mean token entropy is below this many nats."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    messages: tuple[ChatMessage, ...]
    """The conversation, oldest first, ending with the user's turn, or with an answer that is to go on."""
    max_new_tokens: int
    """Most tokens of the answer, thought included."""
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    """How each canvas is denoised."""
    seed: int = 0
    """All randomness of the answer is a function of this number (0 .. MAX_SEED)."""
    thinking: bool = False
    """Ask the model to think in its thought channel first."""
    record_alternatives: bool = False
    """Let every step tell the most likely tokens of each position; the answer is the same."""
    initial_canvas: tuple[tuple[int, ...], ...] = ()
    """Token ids of a draft, canvas after canvas, to refine; empty to begin with noise."""
    noise_level: float = 1.0
    """Share of the draft, and of the denoising steps, to think over: 0 returns the draft, 1 forgets it."""
    refine_pass: int = 0
    """Which refinement this is; with the same seed another pass thinks over other positions."""


@dataclass(frozen=True, slots=True)
class Prefilling:
    """Told before each part of a prompt that is encoded in several; how it ended is `Prefilled`."""

    done_tokens: int
    """Tokens of the prompt in the prefix cache by now, those of earlier answers included."""
    prompt_tokens: int
    """Tokens of the whole prompt."""


@dataclass(frozen=True, slots=True)
class Prefilled:
    prompt_tokens: int
    """Tokens of the whole prompt."""
    cached_tokens: int
    """Prompt tokens whose keys and values were still in the prefix cache."""
    dropped_turns: int
    """Oldest turns left out because the prompt would have passed the model's limits."""
    seconds: float
    """Wall time of tokenising and encoding."""


@dataclass(frozen=True, slots=True)
class CanvasStarted:
    canvas_index: int
    """0 for the first canvas of an answer."""
    canvas_length: int
    """Tokens on the canvas."""
    max_canvases: int
    """Canvases the answer may take at most."""


@dataclass(frozen=True, slots=True)
class Alternative:
    token_id: int
    """A token that could stand at a position."""
    piece: str
    """Its text; untrusted: sanitise before drawing."""
    probability: float
    """0 to 1, at the temperature of the step."""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The most likely tokens of every position at one step, ALTERNATIVES_PER_TOKEN each."""

    token_ids: array[int]
    """Flat [canvas_length * ALTERNATIVES_PER_TOKEN], the most likely of a position first."""
    pieces: tuple[str, ...]
    """Text of each token, in the same order; untrusted."""
    probabilities: array[float]
    """0 to 1, in the same order, at the temperature of the step."""

    def at(self, position: int) -> tuple[Alternative, ...]:
        """The alternatives of one position, the most likely first."""
        first = position * ALTERNATIVES_PER_TOKEN
        return tuple(
            Alternative(self.token_ids[index], self.pieces[index], self.probabilities[index])
            for index in range(first, first + ALTERNATIVES_PER_TOKEN)
        )


@dataclass(frozen=True, slots=True)
class CanvasStep:
    canvas_index: int
    """0 for the first canvas of an answer."""
    step: int
    """Counts up from 1."""
    max_steps: int
    """The step this canvas ends at if it never becomes stable and confident."""
    temperature: float
    """Temperature of this step."""
    token_ids: array[int]
    """The argmax canvas, [canvas_length]."""
    pieces: tuple[str, ...]
    """Text of each token; untrusted: sanitise before drawing."""
    entropy_levels: bytes
    """Token entropy as one byte each (`entropy_of_level` gives nats)."""
    accepted: bytes
    """1 where this step accepted the token, else 0."""
    seconds: float
    """Wall time of this step."""
    end: int | None
    """Position of the first end-of-turn token on the argmax canvas; None if there is none."""
    alternatives: Alternatives | None = None
    """The most likely tokens of each position; None unless the request asked for them."""
    joined: tuple[tuple[int, int, str], ...] = ()
    """Where tokens that are parts of characters make whole ones together: begin, end, text; untrusted."""
    thought: bytes = b""
    """1 where the token belongs to the thought channel, its markers included, else 0; empty if none does."""

    @property
    def mean_entropy(self) -> float:
        """Nats per token, from the quantised levels."""
        return sum(map(_NATS_OF_LEVEL.__getitem__, self.entropy_levels)) / max(1, len(self.entropy_levels))


@dataclass(frozen=True, slots=True)
class CanvasCommitted:
    canvas_index: int
    """0 for the first canvas of an answer."""
    text: str
    """The canvas as text, cut at the end of turn and at max_new_tokens."""
    steps_used: int
    """Denoising steps this canvas took."""
    stop_reason: StopReason
    """Why denoising stopped."""


@dataclass(frozen=True, slots=True)
class GenerationStats:
    prompt_tokens: int = 0
    """Tokens of the whole prompt."""
    cached_tokens: int = 0
    """Prompt tokens found in the prefix cache."""
    generated_tokens: int = 0
    """Tokens of the answer, thought included, end of turn excluded."""
    canvases: int = 0
    """Canvases denoised."""
    canvas_length: int = 0
    """Tokens on one canvas."""
    denoising_steps: int = 0
    """Decoder passes over all canvases."""
    prefill_seconds: float = 0.0
    """Wall time of tokenising and encoding, commits of finished canvases included."""
    denoise_seconds: float = 0.0
    """Wall time of all denoising steps."""
    peak_memory_bytes: int | None = None
    """Peak accelerator memory; None on a CPU."""

    @property
    def tokens_per_second(self) -> float:
        """Answer tokens per second of wall time."""
        return _ratio(self.generated_tokens, self.prefill_seconds + self.denoise_seconds)

    @property
    def parallel_tokens_per_second(self) -> float:
        """Canvas tokens times steps per second of denoising: what the hardware did."""
        return _ratio(self.canvas_length * self.denoising_steps, self.denoise_seconds)

    @property
    def tokens_per_forward(self) -> float:
        """Answer tokens per decoder pass: the speed-up over one token at a time."""
        return _ratio(self.generated_tokens, self.denoising_steps)


def _ratio(amount: float, per: float) -> float:
    return amount / per if per > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    text: str
    """The answer without its thought; of an answer that went on, what is new, with its leading space."""
    thought: str
    """Text of the thought channel, empty if there was none."""
    reason: FinishReason
    """Why the answer ended."""
    stats: GenerationStats
    """Counts and times of the whole answer."""
    note: str = ""
    """What else a reader should know of how it ended, in a line; empty if nothing."""


Event = Prefilling | Prefilled | CanvasStarted | CanvasStep | CanvasCommitted
EventListener = Callable[[Event], None]

BatchListener = Callable[[int, Event], None]
"""Told what happens to which request of a batch, counted from 0."""

OutcomeListener = Callable[[int, Finished | DgchatError], None]
"""Told how a request of a batch ended, once for each that was begun, in no particular order."""


class CancelSignal(Protocol):
    """Anything that can say "stop": a `threading.Event` will do."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class LoadProgress:
    done_bytes: int
    """Bytes of weights read so far."""
    total_bytes: int
    """Bytes of weights there are to read."""


LoadListener = Callable[[LoadProgress], None]


@dataclass(frozen=True, slots=True)
class EngineInfo:
    model: str
    """Name of the model, short enough for a title bar."""
    device: str
    """`cpu`, `cuda:0 NVIDIA ...` or `mps`."""
    dtype: str
    """Data type of the weights in memory, and of those that are packed: `bfloat16 + nvfp4`."""
    parameters: int
    """Parameters of the text model."""
    canvas_length: int
    """Tokens on one canvas."""
    context_length: int
    """Most tokens of prompt and answer together."""
    sampler: SamplerConfig
    """The checkpoint's own sampler settings."""
    max_new_tokens: int
    """The checkpoint's own limit for one answer."""
    can_think: bool
    """Whether the chat template knows a thought channel."""
    ops_reason: str
    """Which ops were chosen, and why."""
    choice: str = ""
    """Why this model answers, in a line for the reader; empty where nothing was chosen for them."""
    streams_steps: bool = True
    """Whether every denoising step is told, or canvases only once they are committed."""


class Engine(Protocol):
    """What a screen or a script needs of an engine, real, remote or scripted."""

    def generate(
        self, request: GenerationRequest, on_event: EventListener, cancelled: CancelSignal
    ) -> Finished:
        """Answer the request, calling `on_event` as it happens; raise DgchatError if it cannot be done."""
        ...

    def info(self) -> EngineInfo:
        """What is loaded, and where."""
        ...


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that denoises several answers together."""

    def generate_batch(
        self,
        requests: Iterable[GenerationRequest],
        size: int,
        on_event: BatchListener,
        on_outcome: OutcomeListener,
        cancelled: CancelSignal,
    ) -> None:
        """Answer requests, up to `size` at a time; each gets what `generate` would give it for its seed, up
        to the last bits of the arithmetic.

        They are taken from `requests` in order, each when there is a place for it, none after a cancel. One
        that cannot be answered is an outcome, and the others go on; what stops them all is raised.
        """
        ...
