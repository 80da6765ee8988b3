"""`--refine` and `--refine-with`: an answer is a draft that is gone over again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dgchat.engine.events import Engine, EngineInfo, Finished, GenerationRequest
from dgchat.engine.refine_with import RefiningServer
from dgchat.errors import UsageError, as_dgchat_error
from dgchat.one_shot.answering import Answering
from dgchat.servers.address import parse_address
from dgchat.session.loading import Loading
from dgchat.session.refining import DEFAULT_NOISE_LEVEL, Refining
from dgchat.session.turn import Turn
from dgchat.settings import REFINE_KEY, read_key

MAX_PASSES = 100


@dataclass(frozen=True, slots=True)
class RefineWish:
    """What the command line asks for."""

    passes: int = 0
    """How often the model goes over its answer."""
    noise_level: float = DEFAULT_NOISE_LEVEL
    """Of every such pass."""
    server: str | None = None
    """URL[:MODEL] of a server that goes over the answer at last."""

    @classmethod
    def of(cls, passes: int, noise_level: float | None, server: str | None, *, remote: bool) -> RefineWish:
        """The wish of three flags; UsageError if they make no sense, or none where the engine is `remote`."""
        if noise_level is not None and not passes:
            raise UsageError("--noise says how much --refine thinks over", hint="add --refine 1")
        if passes and remote:
            raise UsageError("--refine needs the model here, and --server has it", hint="use --refine-with")
        if server is not None:
            parse_address(server)
        return cls(passes, DEFAULT_NOISE_LEVEL if noise_level is None else noise_level, server)

    def rounds(self) -> int:
        """How many times the answer is gone over."""
        return self.passes + (self.server is not None)


class RefineRound:
    """One time that an answer is gone over; looked on and stopped as `Answering` is."""

    def __init__(self, draft: Answering | RefineRound, wish: RefineWish, number: int) -> None:
        """`number` counts from 1; `draft` has been run."""
        assert draft.engine is not None
        assert draft.request is not None
        assert draft.turn.finished is not None
        self.draft = draft
        self.loading = Loading()
        self.turn = Turn(draft.turn.prompt, draft.turn.settings)
        self.canvases = draft.canvases
        self.engine: Engine | None = draft.engine
        self.info: EngineInfo | None = draft.info
        self.noise_level: float | None = None
        self.request: GenerationRequest | None = draft.request
        self.seconds = 0.0
        if number > wish.passes and wish.server is not None:
            text = draft.turn.finished.text
            self.engine = RefiningServer(wish.server, read_key(REFINE_KEY), text)
        else:
            self.noise_level = wish.noise_level
            refining = Refining(draft.canvases, wish.noise_level, number)
            self.request = refining.applied_to(draft.request)

    @property
    def is_generating(self) -> bool:
        """An engine listens from the beginning."""
        return True

    @property
    def by(self) -> str:
        """Who goes over it: the model that drafted, or the model and address of a server."""
        assert self.engine is not None
        info = self.engine.info()
        return f"{info.model} on {info.device}" if self.noise_level is None else info.model

    def run(self) -> None:
        """Refine; afterwards `turn.finished` is set. DgchatError says what went wrong."""
        assert self.engine is not None
        assert self.request is not None
        began = time.monotonic()
        try:
            done = self.engine.generate(self.request, self.turn.record, self.turn.cancelled)
        except Exception as error:
            raise as_dgchat_error(error, "The refining failed") from error
        self.seconds = time.monotonic() - began
        self.canvases = self.turn.trace.final_canvases(done.stats.canvases, self.canvases)
        self.turn.finished = done


def as_objects(draft: Answering, rounds: list[RefineRound]) -> dict[str, object]:
    """Draft and refinements with their times, as they stand in `--json`."""
    assert draft.turn.finished is not None
    return {
        "draft": {**_told(draft.turn.finished), "seconds": draft.seconds},
        "refined": [
            {
                "by": one.by,
                "noise": one.noise_level,
                **_told(one.turn.finished),
                "seconds": one.seconds,
            }
            for one in rounds
            if one.turn.finished is not None
        ],
    }


def _told(finished: Finished) -> dict[str, object]:
    return {
        "text": finished.text,
        "thought": finished.thought,
        "finish_reason": finished.reason.value,
        "denoising_steps": finished.stats.denoising_steps,
    }
